/**
 * Clients that write without pause, one write after the other, and know what was acknowledged.
 *
 * Each writer has a node of its own in the mesh, which exists only on paper, and counts upwards in its ports: writes come
 * one by one, so the mesh must hold the count of the last acknowledged one or of a later one, forever.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { delay } from "../../core/io/alarm.ts";
import { SOCKET_FILE_NAME } from "../../core/node/node.ts";
import { READ_CONSISTENCY_KEY } from "../../core/plugin/read_level.ts";
import { connect, type RpcClient } from "../../core/rpc/client.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { eventually } from "./lab/eventually.ts";

/** A write that takes longer is tried at another node; its outcome is unknown then. */
const WRITE_MS = 1_000;
/** Between a refusal and the next node. */
const PAUSE_MS = 10;
/** Ports count from 1 up to this: 0 would mean that none is said. */
const PORT_MAX = 50_000;

/** An acknowledged write. Times are of `performance.now()`. */
export interface Acknowledged {
  readonly startedMs: number;
  readonly doneMs: number;
}

/** Where a node can be asked. */
export interface Asked {
  readonly dataDir: string;
}

/** A client of each node, over its Unix socket: it is there whatever happens to the networks. */
export class Clients implements AsyncDisposable {
  readonly #clients = new Map<string, RpcClient>();

  /** The client of one node. */
  of({ dataDir }: Asked): RpcClient {
    let client = this.#clients.get(dataDir);
    if (!client) {
      this.#clients.set(
        dataDir,
        client = connect({ socketPath: `${dataDir}/${SOCKET_FILE_NAME}` }, { kind: "insecure" }),
      );
    }
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client[Symbol.asyncDispose]()));
  }
}

/** Some writers. Disposing them stops them. */
export class Writers implements AsyncDisposable {
  /** Everything that was acknowledged, in order. */
  readonly acknowledged: Acknowledged[] = [];
  readonly #clients = new Clients();
  readonly #nodes: () => readonly Asked[];
  readonly #writers: readonly Writer[];
  readonly #running: Promise<unknown>;
  #isStopped = false;

  /** @param nodes Those that may be asked at the moment. */
  constructor(count: number, nodes: () => readonly Asked[]) {
    this.#nodes = nodes;
    this.#writers = Array.from({ length: count }, (_, index) => new Writer(`writer-${index}`));
    this.#running = Promise.all(this.#writers.map((writer) => this.#run(writer)));
  }

  /** Waits for an acknowledgement of a write that begins after `afterMs`, and returns when it came. */
  async nextAfter(afterMs: number, deadlineMs: number): Promise<number> {
    const find = () => this.acknowledged.findLast(({ startedMs }) => startedMs >= afterMs);
    await eventually("an acknowledged write", () => find() !== undefined, deadlineMs);
    return this.acknowledged.find(({ startedMs }) => startedMs >= afterMs)?.doneMs ?? Infinity;
  }

  /** @throws {AssertionError} If a node, asked for all that was acknowledged before, has not got it. */
  async check(node: Asked): Promise<void> {
    const ackedCounts = this.#writers.map(({ acked }) => acked);
    const metadata = { [READ_CONSISTENCY_KEY]: "linearizable" };
    const { message } = await this.#clients.of(node).unary(Control.method.listNodes, {}, { metadata });
    this.#writers.forEach((writer, index) => {
      const found = message.nodes.find(({ id }) => id === writer.id);
      const count = found ? (found.wireguardPort - 1) * PORT_MAX + found.grpcPort - 1 : 0;
      assert(count >= (ackedCounts[index] ?? 0), `${writer.id}: ${count}, acknowledged ${ackedCounts[index]}`);
      assert(count <= writer.tried, `${writer.id}: ${count}, tried ${writer.tried}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await this.#clients[Symbol.asyncDispose]();
  }

  async #run(writer: Writer): Promise<void> {
    let turn = 0;
    while (!this.#isStopped) {
      const nodes = this.#nodes();
      const node = nodes[turn % nodes.length];
      const startedMs = performance.now();
      if (node && await writer.write(this.#clients.of(node))) {
        this.acknowledged.push({ startedMs, doneMs: performance.now() });
        continue;
      }
      turn++;
      await delay(PAUSE_MS);
    }
  }
}

/** One client and what it knows. */
class Writer {
  readonly id: string;
  readonly #publicKey = crypto.getRandomValues(new Uint8Array(32)).toBase64();
  /** The count of the last acknowledged write, and of the last one that was sent. */
  acked = 0;
  tried = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** @returns True if the next count was acknowledged. */
  async write(client: RpcClient): Promise<boolean> {
    const count = ++this.tried;
    const ports = { grpcPort: 1 + count % PORT_MAX, wireguardPort: 1 + Math.floor(count / PORT_MAX) };
    const request = { id: this.id, publicKey: this.#publicKey, raftPort: 9443, assignIpv4: true, ...ports };
    try {
      await client.unary(Node.method.join, request, { deadlineMs: WRITE_MS });
    } catch {
      return false;
    }
    this.acked = count;
    return true;
  }
}
