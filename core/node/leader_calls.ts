/**
 * Calls to the mesh's leader over one connection that everybody shares, made anew when the lead moves. Who led before has a
 * while to end the calls that it has; a host that has died would keep them for ever.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import { MeshError } from "../plugin/errors.ts";
import type { Leader, LeaderFacts, RawCall, RawCallOptions } from "../plugin/leader.ts";
import type { RpcClient } from "../rpc/client.ts";
import type { ClientCall } from "../rpc/client_call.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { meshRpcAddress, publicRpcAddress } from "./mesh_view.ts";

/** How long who no longer leads may take to end its calls, in milliseconds. */
export const FORMER_LEADER_MS = 5_000;

/** What calls need of the node. */
export interface LeaderCallsParts {
  readonly nodeId: string;
  /** The leader's Raft member id; 0 while there is none. Asked at every change. */
  leaderId(): number;
  leader(): NodeRecord | undefined;
  connectTo(node: NodeRecord): RpcClient;
  /** Resolves once `condition` holds, which may become true when the lead moves; see `Changes`. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void>;
  /** {@linkcode FORMER_LEADER_MS}, less in tests. */
  readonly formerLeaderMs?: number;
}

interface Connection {
  readonly to: string;
  readonly node: NodeRecord;
  readonly client: RpcClient;
  callCount: number;
  /** Why its calls were ended from here, a sentence; `undefined` if they were not. */
  cutBecause: string | undefined;
}

/** See the module. */
export class LeaderCalls implements Leader, AsyncDisposable {
  readonly #parts: LeaderCallsParts;
  readonly #stop = new AbortController();
  readonly #closing = new Set<Promise<void>>();
  /** Connections to who led before, until their last call has ended. */
  readonly #retired = new Set<Connection>();
  #connection: Connection | undefined;

  constructor(parts: LeaderCallsParts) {
    this.#parts = parts;
  }

  current(): LeaderFacts | undefined {
    const node = this.#parts.leader();
    return node && {
      nodeId: node.id,
      meshAddress: meshRpcAddress(node),
      publicAddress: publicRpcAddress(node),
      isSelf: node.id === this.#parts.nodeId,
    };
  }

  async another(nodeId: string | undefined, signal: AbortSignal): Promise<LeaderFacts> {
    let found: LeaderFacts | undefined;
    const isAnother = () => {
      const leader = this.#parts.leaderId() === 0 ? undefined : this.current();
      if (leader?.nodeId !== nodeId) found = leader;
      return found !== undefined;
    };
    await this.#parts.until(isAnother, AbortSignal.any([signal, this.#stop.signal]));
    if (!found) throw new MeshError("internal", "Somebody else leads by now");
    return found;
  }

  call(methodPath: string, requests: AsyncIterable<Uint8Array>, options: RawCallOptions = {}): RawCall {
    const node = this.#parts.leader();
    if (!node || node.id === this.#parts.nodeId) {
      throw new MeshError("no-leader", node ? "This node leads" : "The mesh has no leader now", {
        hint: "Look at `weft status`: a majority of the voters must be up and reach each other.",
      });
    }
    const connection = this.#connectionTo(node);
    const call = connection.client.streamBytes(methodPath, requests, options);
    connection.callCount++;
    call.trailers.then(() => {
      connection.callCount--;
      this.#closeIfUnused(connection);
    });
    return rawCall(call, connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new MeshError("unavailable", "No calls are made any more"));
    for (const connection of [...this.#connection ? [this.#connection] : [], ...this.#retired]) {
      connection.cutBecause ??= "This node passes no calls on any more";
      this.#close(connection);
    }
    this.#connection = undefined;
    await Promise.all(this.#closing);
  }

  #connectionTo(node: NodeRecord): Connection {
    // A node that has come back with another key or address is another server.
    const to = `${node.id} ${node.publicKey} ${meshRpcAddress(node)}`;
    if (this.#connection?.to === to) return this.#connection;
    this.#retire();
    const connection = { to, node, client: this.#parts.connectTo(node), callCount: 0, cutBecause: undefined };
    void this.#watch(connection);
    return this.#connection = connection;
  }

  /** Ends what a former leader has not ended in time. */
  async #watch(connection: Connection): Promise<void> {
    const { formerLeaderMs = FORMER_LEADER_MS } = this.#parts;
    const hasMoved = () => ![0, connection.node.raftId].includes(this.#parts.leaderId());
    try {
      do {
        await this.#parts.until(hasMoved, this.#stop.signal);
        await delay(formerLeaderMs, this.#stop.signal);
      } while (!hasMoved());
    } catch {
      return;
    }
    if (this.#connection === connection) this.#retire();
    if (!this.#retired.has(connection)) return;
    connection.cutBecause = `Node "${connection.node.id}" no longer leads, and did not end the call`;
    this.#close(connection);
  }

  #retire(): void {
    if (!this.#connection) return;
    this.#retired.add(this.#connection);
    this.#closeIfUnused(this.#connection);
    this.#connection = undefined;
  }

  #closeIfUnused(connection: Connection): void {
    if (this.#retired.has(connection) && connection.callCount === 0) this.#close(connection);
  }

  #close(connection: Connection): void {
    this.#retired.delete(connection);
    const closed = connection.client[Symbol.asyncDispose]().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

function rawCall(call: ClientCall, connection: Connection): RawCall {
  return {
    headers: call.headers,
    trailers: call.trailers,
    cancel: () => call.cancel(),
    async *[Symbol.asyncIterator]() {
      try {
        yield* call;
      } catch (error) {
        if (connection.cutBecause === undefined) throw error;
        throw new MeshError("unavailable", connection.cutBecause, {
          hint: "What was asked may have been done: look before asking again.",
          cause: error,
        });
      }
    },
  };
}
