/**
 * The client of the Raft benchmark: `deno run -A load_main.ts '<LoadConfig as JSON>'`.
 *
 * The same program for every system: so many callers, each with one call at a time and keys of its own, on connections
 * that they share. Messages go through `grpc_connection.ts` as bytes. Says `done`, reads back what it wrote, and prints a
 * {@linkcode LoadResult} as JSON.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import process from "node:process";
import { GrpcConnection } from "./grpc_connection.ts";
import { bytesField, decodeFields, encodeFields, numberField } from "./wire.ts";
import { GET_PATH, PUT_PATH, SELECT_SQL, UPSERT_SQL } from "./kv_paths.ts";

/** What speaks at the other end. */
export type Dialect = "weft" | "etcd" | "rqlite";

/** One measurement. */
export interface LoadConfig {
  readonly dialect: Dialect;
  /** `host:port` of the leader. */
  readonly target: string;
  readonly clients: number;
  readonly connections: number;
  readonly operation: "write" | "read";
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Keys of all clients together. */
  readonly keyCount: number;
  /** What the keys of this run begin with. */
  readonly prefix: string;
}

/** What came of it. Times in microseconds. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** All calls, those of the warm-up included. */
  readonly callCount: number;
  /** Processor time of this program for each call, in microseconds. */
  readonly processorUs: number;
  /** Keys that were read back after the writes: each had its last value, and as many writes as were acknowledged. */
  readonly verifiedKeyCount: number;
}

const VALUE_BYTES = 256;
const VERIFYING_CLIENTS = 32;

/** A value and how often its key was written. */
interface Stored {
  readonly value: string;
  readonly version: number;
}

/** The two operations, of one system over one connection. */
interface Connection extends Disposable {
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  get(key: Uint8Array): Promise<Stored | undefined>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Both gRPC systems: only paths and answers differ. */
function grpcConnection(
  target: string,
  putPath: string,
  getPath: string,
  stored: (answer: Uint8Array) => Stored | undefined,
): Connection {
  const connection = new GrpcConnection(target);
  return {
    put: (key, value) => connection.call(putPath, encodeFields([[1, key], [2, value]])).then(() => {}),
    get: (key) => connection.call(getPath, encodeFields([[1, key]])).then(stored),
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

function weftAnswer(answer: Uint8Array): Stored {
  const fields = decodeFields(answer);
  return { value: decoder.decode(bytesField(fields, 1)), version: numberField(fields, 2) };
}

/** `RangeResponse { kvs = 2 { version = 4, value = 5 } }`. */
function etcdAnswer(answer: Uint8Array): Stored | undefined {
  const pair = bytesField(decodeFields(answer), 2);
  if (pair.length === 0) return undefined;
  const fields = decodeFields(pair);
  return { value: decoder.decode(bytesField(fields, 5)), version: numberField(fields, 4) };
}

/** rqlite has no gRPC: JSON over HTTP/1.1 with connections kept alive, one call at a time on each. */
function rqliteConnection(target: string): Connection {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const [host, port] = target.split(":");
  const call = (path: string, body: unknown) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const text = JSON.stringify(body);
      const headers = { "content-type": "application/json", "content-length": text.length };
      const request = http.request({ host, port, path, method: "POST", agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const answer = JSON.parse(Buffer.concat(chunks).toString())?.results?.[0] ?? { error: "no result" };
          if (answer.error) reject(new Error(answer.error));
          else resolve(answer);
        });
      });
      request.on("error", reject);
      request.end(text);
    });
  return {
    async put(key, value) {
      await call("/db/execute", [[UPSERT_SQL, { key: decoder.decode(key), value: decoder.decode(value) }]]);
    },
    async get(key) {
      const query = [[SELECT_SQL, { key: decoder.decode(key) }]];
      const { values } = await call("/db/query?level=strong", query);
      const row = Array.isArray(values) ? values[0] : undefined;
      return row ? { value: String(row[0]), version: Number(row[1]) } : undefined;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function connect({ dialect, target }: LoadConfig): Connection {
  switch (dialect) {
    case "weft":
      return grpcConnection(target, PUT_PATH, GET_PATH, weftAnswer);
    case "etcd":
      return grpcConnection(target, "/etcdserverpb.KV/Put", "/etcdserverpb.KV/Range", etcdAnswer);
    case "rqlite":
      return rqliteConnection(target);
  }
}

/** One key and what was acknowledged of it. */
interface Key {
  readonly name: Uint8Array;
  writeCount: number;
  lastValue: Uint8Array;
}

function makeValue(key: string, count: number): Uint8Array {
  return encoder.encode(`${key} ${count} `.padEnd(VALUE_BYTES, "abcdefghijklmnopqrstuvwxyz0123456789"));
}

async function run(config: LoadConfig): Promise<LoadResult> {
  const connections = Array.from({ length: config.connections }, () => connect(config));
  const keys = Array.from({ length: config.keyCount }, (_, i): Key & { readonly text: string } => {
    const text = `${config.prefix}${i}`;
    return { text, name: encoder.encode(text), writeCount: 0, lastValue: new Uint8Array() };
  });
  const times: number[] = [];
  const startMs = performance.now();
  const countFromMs = startMs + config.warmUpMs;
  const endMs = countFromMs + config.measureMs;
  let callCount = 0;
  const usedBefore = process.cpuUsage();
  const client = async (number: number) => {
    const connection = connections[number % connections.length];
    for (let turn = 0; connection; turn++) {
      // Clients share no key, so that the last value of each is known.
      const key = keys[(number + turn * config.clients) % keys.length];
      if (!key) throw new Error("There are no fewer keys than clients");
      const beforeMs = performance.now();
      if (beforeMs >= endMs) return;
      if (config.operation === "write") {
        const value = makeValue(key.text, key.writeCount + 1);
        await connection.put(key.name, value);
        key.writeCount++;
        key.lastValue = value;
      } else if (!await connection.get(key.name)) throw new Error(`${key.text} is not there`);
      callCount++;
      const afterMs = performance.now();
      if (beforeMs >= countFromMs && afterMs <= endMs) times.push(afterMs - beforeMs);
    }
  };
  await Promise.all(Array.from({ length: config.clients }, (_, number) => client(number)));
  const used = process.cpuUsage(usedBefore);
  console.log("done");
  const verifiedKeyCount = config.operation === "write" ? await verify(connections, keys) : 0;
  for (const connection of connections) connection[Symbol.dispose]();
  times.sort((a, b) => a - b);
  const quantileUs = (q: number) => Math.round((times[Math.floor(q * (times.length - 1))] ?? 0) * 1000);
  return {
    perSecond: times.length / config.measureMs * 1000,
    p50Us: quantileUs(0.5),
    p99Us: quantileUs(0.99),
    maxUs: quantileUs(1),
    callCount,
    processorUs: (used.user + used.system) / callCount,
    verifiedKeyCount,
  };
}

/** Reads all keys back, linearizably. @throws {Error} On the first that is not what was acknowledged. */
async function verify(connections: readonly Connection[], keys: readonly Key[]): Promise<number> {
  const written = keys.filter(({ writeCount }) => writeCount > 0);
  let next = 0;
  const reader = async (number: number) => {
    for (let key = written[next++]; key; key = written[next++]) {
      const stored = await connections[number % connections.length]?.get(key.name);
      const name = decoder.decode(key.name);
      if (stored?.value !== decoder.decode(key.lastValue)) throw new Error(`${name} has not its last value`);
      if (stored.version !== key.writeCount) {
        throw new Error(`${name} was written ${stored.version} times, acknowledged ${key.writeCount}`);
      }
    }
  };
  await Promise.all(Array.from({ length: VERIFYING_CLIENTS }, (_, number) => reader(number)));
  return written.length;
}

console.log(`result ${JSON.stringify(await run(JSON.parse(Deno.args[0] ?? "")))}`);
