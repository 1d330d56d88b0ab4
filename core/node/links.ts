/**
 * Raft's links to other members, bound before the node has a place in a mesh.
 *
 * @module
 */
import type { CryptoSuite } from "../crypto/suite.ts";
import type { TlsMaterial } from "../io/tls_files.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import type { PeerMessage } from "../raft/message.ts";
import type { Log } from "../seams/log.ts";
import type { NodeConfig } from "./config.ts";
import type { LinkMember } from "./link_directory.ts";

/** Who this member is, once that is known. */
export interface LinkPlace {
  readonly meshId: string;
  readonly raftId: number;
  /** Members known before the state has arrived. */
  readonly members: readonly LinkMember[];
}

/** Where messages and losses go. */
export interface LinkReceiver {
  receive(message: PeerMessage): void;
  unreachable(raftId: number): void;
}

/** See the module. */
export interface NodeLinks extends AsyncDisposable {
  /** The bound TCP port. */
  readonly port: number;
  /** Lets members connect, and connects to them. */
  begin(place: LinkPlace, receiver: LinkReceiver): void;
  /** Who belongs to the mesh from now on. */
  setMembers(members: readonly LinkMember[]): void;
  /** Sends to `message.to`; drops the message if there is no such member or its queue is full. */
  send(message: PeerMessage): void;
}

/** What links are made of. */
export interface LinkOptions {
  readonly config: NodeConfig;
  readonly privateKey: PrivateKey;
  readonly suite: CryptoSuite;
  readonly tls: TlsMaterial | undefined;
  readonly log: Log;
}
export async function openLinks(_o: LinkOptions): Promise<NodeLinks> { return { port: 9443, begin() {}, setMembers() {}, send() {}, async [Symbol.asyncDispose]() {} }; }
