/**
 * The systems of the Raft benchmark: three members of each on loopback, their logs in one folder.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Client, credentials } from "@grpc/grpc-js";
import { connect } from "../../../core/rpc/client.ts";
import { Control } from "../../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { LabProcess } from "../../e2e/lab/process.ts";
import { TABLE_SQL } from "./kv_paths.ts";
import type { Dialect } from "./load_main.ts";
import type { MemberConfig } from "./member_main.ts";
import { bytesField, decodeFields, encodeFields, numberField } from "./wire.ts";

const MEMBERS = ["a", "b", "c"];
const HOST = "127.0.0.1";
const DEADLINE_MS = 60_000;
const SOCKET_FILE_NAME = "weft.sock";
const MEMBER_PROGRAM = new URL("./member_main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** Three members that run. */
export interface Cluster extends AsyncDisposable {
  /** Where writes go, `host:port`. */
  readonly leader: string;
  /** Process ids, the leader's first. */
  readonly processIds: readonly number[];
  /** Says that all members hold the same, or throws. */
  verifyEqual(): Promise<void>;
}

/** One system. */
export interface System {
  readonly name: string;
  readonly dialect: Dialect;
  /** Why it cannot be measured. */
  readonly missing: string | undefined;
  start(directory: string): Promise<Cluster>;
}

/** All systems, this program first. @param folder Where programs are looked for before their usual places. */
export function findSystems(folder: string | undefined): readonly System[] {
  const home = Deno.env.get("HOME") ?? "/root";
  const inFolder = (name: string) => folder === undefined ? [] : [`${folder}/${name}`];
  const etcd = [...inFolder("etcd"), "/usr/bin/etcd", "/usr/local/bin/etcd"].find(isFile);
  const rqlited = [...inFolder("rqlited"), "/usr/local/bin/rqlited", `${home}/go/bin/rqlited`].find(isFile);
  return [
    { name: "weft", dialect: "weft", missing: undefined, start: startWeft },
    {
      name: "etcd",
      dialect: "etcd",
      missing: etcd === undefined ? "not found (the distribution's package etcd-server)" : undefined,
      start: (directory) => startEtcd(etcd ?? "etcd", directory),
    },
    {
      name: "rqlite",
      dialect: "rqlite",
      missing: rqlited === undefined
        ? "not found (go install github.com/rqlite/rqlite/v8/cmd/rqlited@latest)"
        : undefined,
      start: (directory) => startRqlite(rqlited ?? "rqlited", directory),
    },
  ];
}

async function startWeft(directory: string): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const processes: LabProcess[] = [];
  const ports = MEMBERS.map(() => ({ grpc: freePort(), raft: freePort() }));
  for (const [i, nodeId] of MEMBERS.entries()) {
    const config: MemberConfig = {
      nodeId,
      dataDir: `${directory}/${nodeId}`,
      grpcPort: ports[i]?.grpc ?? 0,
      raftPort: ports[i]?.raft ?? 0,
      joinPort: i === 0 ? undefined : ports[0]?.grpc,
    };
    const command = [
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      ...memberFlags(nodeId),
      "--config",
      CONFIG,
      MEMBER_PROGRAM,
    ];
    const process = stack.use(new LabProcess([...command, JSON.stringify(config)]));
    await process.waitForLine((line) => line === "ready", DEADLINE_MS);
    processes.push(process);
  }
  const statusOf = async (nodeId: string) => {
    await using client = connect({ socketPath: `${directory}/${nodeId}/${SOCKET_FILE_NAME}` }, { kind: "insecure" });
    return (await client.unary(Control.method.getNodeStatus, {})).message;
  };
  await eventually("three voters", async () => {
    const { raft } = await statusOf("a");
    return raft?.leader === "a" && raft.members.length === 3 && raft.members.every(({ voter }) => voter);
  }, DEADLINE_MS);
  const owned = stack.move();
  return {
    leader: `${HOST}:${ports[0]?.grpc}`,
    processIds: processes.map(({ pid }) => pid),
    verifyEqual: async () => {
      await eventually("equal state hashes", async () => {
        const all = await Promise.all(MEMBERS.map(statusOf));
        return new Set(all.map(({ raft }) => `${raft?.appliedIndex} ${raft?.stateHash}`)).size === 1;
      }, DEADLINE_MS);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** `WEFT_BENCH_FLAGS_a`: flags of the runtime for one member, to look into it. */
function memberFlags(nodeId: string): string[] {
  return (Deno.env.get(`WEFT_BENCH_FLAGS_${nodeId}`) ?? "").split(" ").filter((flag) => flag !== "");
}

async function startEtcd(program: string, directory: string): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const members = MEMBERS.map((name) => ({ name, client: freePort(), peer: freePort() }));
  const cluster = members.map(({ name, peer }) => `${name}=http://${HOST}:${peer}`).join(",");
  const processes = members.map(({ name, client, peer }) =>
    stack.use(
      new LabProcess([
        program,
        ...["--name", name, "--data-dir", `${directory}/${name}`, "--log-level", "error", "--logger", "zap"],
        ...["--listen-client-urls", `http://${HOST}:${client}`, "--advertise-client-urls", `http://${HOST}:${client}`],
        ...["--listen-peer-urls", `http://${HOST}:${peer}`, "--initial-advertise-peer-urls", `http://${HOST}:${peer}`],
        ...["--initial-cluster", cluster, "--initial-cluster-state", "new", "--initial-cluster-token", "weft-bench"],
      ], { env: { ETCD_UNSUPPORTED_ARCH: "arm64" } }),
    )
  );
  const leader = await eventually("a leader of etcd", async () => {
    for (const [i, { client }] of members.entries()) {
      const status = decodeFields(await call(`${HOST}:${client}`, "/etcdserverpb.Maintenance/Status", []));
      const memberId = decodeFields(bytesField(status, 1)).find(([number]) => number === 2)?.[1];
      // `StatusResponse { header = 1 { member_id = 2 }, leader = 4 }`; equal also where a double cannot tell neighbours.
      if (numberField(status, 4) !== 0 && numberField(status, 4) === memberId) return i;
    }
    return undefined;
  }, DEADLINE_MS);
  const owned = stack.move();
  const first = processes[leader];
  return {
    leader: `${HOST}:${members[leader]?.client}`,
    processIds: [...(first ? [first] : []), ...processes.filter((_, i) => i !== leader)].map(({ pid }) => pid),
    verifyEqual: async () => {
      await eventually("equal hashes of etcd", async () => {
        // `HashKVResponse { header = 1 { revision = 3 }, hash = 2 }`.
        const all = await Promise.all(
          members.map(({ client }) => call(`${HOST}:${client}`, "/etcdserverpb.Maintenance/HashKV", [])),
        );
        const texts = all.map((answer) => {
          const fields = decodeFields(answer);
          return `${numberField(decodeFields(bytesField(fields, 1)), 3)} ${numberField(fields, 2)}`;
        });
        return new Set(texts).size === 1;
      }, DEADLINE_MS);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startRqlite(program: string, directory: string): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const processes: LabProcess[] = [];
  const members = MEMBERS.map((name) => ({ name, http: freePort(), raft: freePort() }));
  for (const [i, { name, http, raft }] of members.entries()) {
    const process = stack.use(
      new LabProcess([
        program,
        ...["-node-id", name, "-http-addr", `${HOST}:${http}`, "-raft-addr", `${HOST}:${raft}`],
        ...(i === 0 ? [] : ["-join", `${HOST}:${members[0]?.raft}`]),
        `${directory}/${name}`,
      ]),
    );
    processes.push(process);
    await eventually("rqlite ready", async () => (await fetchText(`http://${HOST}:${http}/readyz`)).ok, DEADLINE_MS);
  }
  const leader = `${HOST}:${members[0]?.http}`;
  const made = await fetchText(`http://${leader}/db/execute`, JSON.stringify([TABLE_SQL]));
  if (!made.ok || made.text.includes("error")) throw new Error(`rqlite makes no table: ${made.text}`);
  const owned = stack.move();
  return {
    leader,
    processIds: processes.map(({ pid }) => pid),
    verifyEqual: async () => {
      const query = JSON.stringify(["SELECT key, value, version FROM bench_kv ORDER BY key"]);
      await eventually("equal tables of rqlite", async () => {
        const all = await Promise.all(
          members.map(({ http }) => fetchText(`http://${HOST}:${http}/db/query?level=none`, query)),
        );
        return all.every(({ ok }) => ok) && new Set(all.map(({ text }) => text)).size === 1;
      }, DEADLINE_MS);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function fetchText(url: string, body?: string): Promise<{ readonly ok: boolean; readonly text: string }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body, headers });
  return { ok: response.ok, text: await response.text() };
}

/** One gRPC call with a message made by hand. */
function call(target: string, path: string, fields: Parameters<typeof encodeFields>[0]): Promise<Uint8Array> {
  const client = new Client(target, credentials.createInsecure());
  const identity = (bytes: Buffer) => bytes;
  return new Promise<Uint8Array>((resolve, reject) => {
    client.makeUnaryRequest(path, identity, identity, Buffer.from(encodeFields(fields)), (error, answer) => {
      client.close();
      if (answer) resolve(answer);
      else reject(error ?? new Error("No answer"));
    });
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return listener.addr.port;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
