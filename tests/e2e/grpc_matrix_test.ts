/** All gRPC methods on three nodes without tunnels, on a host that has their mesh addresses; see `grpc_matrix_inside.ts`. */
import assert from "node:assert/strict";
import { Lab } from "./lab/lab.ts";
import { labTest, type Need } from "./lab/requirements.ts";

const NEEDS: readonly Need[] = ["root", "command:ip", "namespaces", "command:openssl", "python-grpc"];
const ROOT = (import.meta.dirname ?? "").replace(/\/tests\/e2e$/, "");
/** The last part of the addresses that a /29 has. */
const HOSTS = [1, 2, 3, 4, 5, 6];

const WAIT_MS = 120_000;

labTest("gRPC: every method at every node, with every documented answer", NEEDS, async () => {
  await using lab = await Lab.create();
  const host = await lab.host("matrix", []);
  await host.ip(HOSTS.map((last) => `address add 10.83.0.${last}/32 dev lo`).join("\n"));
  const test = ["test", "-A", "--no-check", "--frozen", "--config", `${ROOT}/deno.json`];
  const command = [Deno.execPath(), ...test, `${ROOT}/tests/e2e/grpc_matrix_inside.ts`];
  const { code, stdout, stderr } = await host.exec(command, { deadlineMs: WAIT_MS });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
});
