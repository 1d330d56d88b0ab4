/**
 * Calls to the mesh's leader over one connection that everybody shares, made anew when the lead moves.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { Leader, LeaderFacts, RawCall, RawCallOptions } from "../plugin/leader.ts";
import type { RpcClient } from "../rpc/client.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import { meshRpcAddress, publicRpcAddress } from "./mesh_view.ts";

/** What calls need of the node. */
export interface LeaderCallsParts {
  readonly nodeId: string;
  leader(): NodeRecord | undefined;
  connectTo(node: NodeRecord): RpcClient;
}

interface Connection {
  readonly to: string;
  readonly client: RpcClient;
  callCount: number;
}

/** See the module. */
export class LeaderCalls implements Leader, AsyncDisposable {
  readonly #parts: LeaderCallsParts;
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
    return call;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#connection) this.#close(this.#connection);
    for (const connection of this.#retired) this.#close(connection);
    this.#connection = undefined;
    await Promise.all(this.#closing);
  }

  #connectionTo(node: NodeRecord): Connection {
    // A node that has come back with another key or address is another server.
    const to = `${node.id} ${node.publicKey} ${meshRpcAddress(node)}`;
    if (this.#connection?.to === to) return this.#connection;
    const before = this.#connection;
    this.#connection = { to, client: this.#parts.connectTo(node), callCount: 0 };
    if (before) {
      this.#retired.add(before);
      this.#closeIfUnused(before);
    }
    return this.#connection;
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
