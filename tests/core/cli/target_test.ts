import assert from "node:assert/strict";
import { UsageError } from "../../../core/cli/exit.ts";
import { askNode, chooseTarget, type Target, type TargetOptions } from "../../../core/cli/target.ts";
import { MeshError, type MeshErrorReason } from "../../../core/plugin/errors.ts";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { FakeNode } from "./fake_node.ts";

type Variables = Readonly<Record<string, string>>;

function choose(options: TargetOptions, environment: Variables = {}): Target {
  return chooseTarget(options, { environment, dataDir: "/default" });
}

function refused(options: TargetOptions, environment: Variables, pattern: RegExp): void {
  assert.throws(
    () => choose(options, environment),
    (error) => error instanceof UsageError && pattern.test(error.message),
  );
}

const SOCKET = (path: string): Target => ({ kind: "socket", path });
const PLAINTEXT = (address: string): Target => ({ kind: "plaintext", address });
const FILES = { tlsCertFile: "c", tlsKeyFile: "k", tlsCaFile: "a" };
const TLS = { kind: "tls", address: "h:1", certFile: "c", keyFile: "k", caFile: "a" };

Deno.test("chooseTarget: the socket of the default data directory, of another one, or by path", () => {
  assert.deepEqual(choose({}), SOCKET("/default/weft.sock"));
  assert.deepEqual(choose({ dataDir: "/d" }), SOCKET("/d/weft.sock"));
  assert.deepEqual(choose({ dataDir: "/d", socket: "/s" }), SOCKET("/s"));
});

Deno.test("chooseTarget: variables stand in for options, empty ones do not", () => {
  assert.deepEqual(choose({}, { WEFT_DATA_DIR: "/e" }), SOCKET("/e/weft.sock"));
  assert.deepEqual(choose({}, { WEFT_SOCKET: "/e.sock", WEFT_DATA_DIR: "/e" }), SOCKET("/e.sock"));
  assert.deepEqual(choose({}, { WEFT_SERVER: "h:1", WEFT_INSECURE: "1" }), PLAINTEXT("h:1"));
  assert.deepEqual(choose({}, { WEFT_SOCKET: "", WEFT_SERVER: "", WEFT_DATA_DIR: "" }), SOCKET("/default/weft.sock"));
});

Deno.test("chooseTarget: a node chosen by an option silences variables that choose another", () => {
  const environment = { WEFT_SERVER: "h:1", WEFT_INSECURE: "true" };
  assert.deepEqual(choose({ dataDir: "/d" }, environment), SOCKET("/d/weft.sock"));
  assert.deepEqual(choose({ socket: "/s" }, environment), SOCKET("/s"));
  assert.deepEqual(choose({ server: "h:2", insecure: true }, { WEFT_SOCKET: "/e.sock" }), PLAINTEXT("h:2"));
});

Deno.test("chooseTarget: one command talks to one node", () => {
  refused({ socket: "/s", server: "h:1" }, {}, /one node/);
  refused({}, { WEFT_SOCKET: "/s", WEFT_SERVER: "h:1" }, /one node/);
});

Deno.test("chooseTarget: a server is a host and a port", () => {
  for (const server of ["h", "h:", "h:0", "h:70000", ":8443", "http://h:1", "2001:db8::1:8443", ""]) {
    refused({ server, insecure: true }, {}, /expected HOST:PORT/);
  }
  assert.deepEqual(choose({ server: "[2001:db8::1]:8443", insecure: true }), PLAINTEXT("[2001:db8::1]:8443"));
});

Deno.test("chooseTarget: a server needs TLS files or the word that there are none", () => {
  refused({ server: "h:1" }, {}, /--tls-cert-file.*--insecure/);
  refused({ server: "h:1", tlsCaFile: "a" }, {}, /--tls-cert-file/);
  refused({ server: "h:1", insecure: true, ...FILES }, {}, /choose one/);
  refused({ server: "h:1" }, { WEFT_INSECURE: "yes" }, /WEFT_INSECURE="yes": expected true or false/);
  assert.deepEqual(choose({ server: "h:1", ...FILES }), TLS);
  assert.deepEqual(choose({ server: "h:1", tlsCaFile: "a" }, { WEFT_TLS_CERT_FILE: "c", WEFT_TLS_KEY_FILE: "k" }), TLS);
  assert.deepEqual(choose({ server: "h:1", ...FILES }, { WEFT_INSECURE: "true" }), TLS);
  assert.deepEqual(choose({ server: "h:1", insecure: true }, { WEFT_TLS_CA_FILE: "a" }), PLAINTEXT("h:1"));
});

Deno.test("askNode: asks by socket and by server", async () => {
  await using node = await FakeNode.start({ status: (id) => ({ status: { id: `<${id}>` } }) });
  for (const options of [{}, { server: node.address, insecure: true }]) {
    const answer = await askNode(
      options,
      node.host,
      (client) => client.unary(Control.method.getNodeStatus, { id: "x" }),
    );
    assert.equal(answer.message.status?.id, "<x>");
  }
});

async function failureOf(options: TargetOptions, node: FakeNode | string, deadlineMs = 5_000): Promise<MeshError> {
  const host = typeof node === "string" ? { environment: {}, dataDir: node } : node.host;
  const call = askNode(options, host, (client) => client.unary(Control.method.getNodeStatus, {}, { deadlineMs }));
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert(error instanceof MeshError, `${error}`);
  return error;
}

Deno.test("askNode: nobody there is told from a failure, by socket and by server, with what to do", async () => {
  const bySocket = await failureOf({}, "/nonexistent");
  assert.equal(bySocket.reason, "not-running");
  assert.match(bySocket.message, /"\/nonexistent\/weft\.sock"/);
  assert.match(bySocket.hint ?? "", /weft run/);
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = `127.0.0.1:${free.addr.port}`;
  free.close();
  const byServer = await failureOf({ server, insecure: true }, "/nonexistent");
  assert.equal(byServer.reason, "not-running");
  assert(byServer.message.includes(server));
  assert.match(byServer.hint ?? "", /TLS/);
});

Deno.test("askNode: a server that never answers is a timeout with its address", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = `127.0.0.1:${silent.addr.port}`;
  const error = await failureOf({ server, insecure: true }, "/nonexistent", 100);
  assert.equal(error.reason, "timeout");
  assert.match(error.message, new RegExp(`${server}.*in time$`));
  assert.notEqual(error.hint, undefined);
});

Deno.test("askNode: what the node says comes through, its hint before ours", async () => {
  const said: MeshErrorReason[] = [
    "not-found",
    "not-joined",
    "permission-denied",
    "timeout",
    "no-leader",
    "unavailable",
  ];
  for (const reason of said) {
    await using node = await FakeNode.start({
      status: () => {
        throw new MeshError(reason, "so it is", { hint: "do this" });
      },
    });
    const { message, hint, reason: heard } = await failureOf({}, node);
    assert.deepEqual({ message, hint, heard }, { message: "so it is", hint: "do this", heard: reason });
  }
});

Deno.test("askNode: a refusal without a hint gets one that fits the way to the node", async () => {
  await using node = await FakeNode.start({
    status: () => {
      throw new MeshError("permission-denied", "no");
    },
  });
  assert.match((await failureOf({}, node)).hint ?? "", /sudo/);
  assert.match((await failureOf({ server: node.address, insecure: true }, node)).hint ?? "", /certificate/);
});
