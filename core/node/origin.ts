/**
 * How a node without state gets a place in a mesh: it starts one, or joins one. What comes out is the same for both: who the
 * node is in Raft, what its log starts with, and whom it may talk to before the state has arrived.
 *
 * @module
 */
import type { JoinResponse } from "../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import type { TunnelPeer } from "../dataplane/messages.ts";
import { Endpoint } from "../ip/endpoint.ts";
import { IpAddress } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";
import { connect } from "../rpc/client.ts";
import type { RpcCredentials } from "../rpc/credentials.ts";
import type { Random } from "../seams/random.ts";
import { BOOTSTRAP_RAFT_ID } from "../state/commands/bootstrap_mesh.ts";
import type { NodeConfig } from "./config.ts";
import type { AnnouncedEndpoints } from "./endpoints.ts";
import { formatProgramVersions, type ProgramVersions } from "../state/program_versions.ts";
import { formatWriteSession, type WriteSession } from "../state/write_session.ts";
import {
  MESH_ID_KEY,
  MESH_PREFIX_KEY,
  PROGRAM_VERSIONS_KEY,
  RAFT_ID_KEY,
  RAFT_INSTANCE_KEY,
  RAFT_VOTERS_KEY,
  WRITE_SESSION_KEY,
} from "./join_metadata.ts";
import { firstHost, type LinkMember, seedMembers } from "./link_directory.ts";
import { type MeshPeer, tunnelPeer } from "./reconcile.ts";
import type { MeshNetwork } from "./tunnel.ts";

/** One attempt to join ends after this time, in milliseconds. */
const JOIN_CALL_MS = 10_000;
const ID_BYTES = 16;

/** A place in a mesh. */
export interface Place {
  readonly meshId: string;
  readonly raftId: number;
  /** What is known of the mesh before its state has arrived; `undefined` for the node that starts it. */
  readonly seed: Seed | undefined;
}

/** What a Join's answer says. */
export interface Seed {
  readonly network: MeshNetwork;
  readonly peers: readonly TunnelPeer[];
  readonly members: readonly LinkMember[];
}

/** Whom a Join is sent to. */
export interface JoinTarget {
  /** `host:port`. */
  readonly address: string;
  /** See `RpcTarget`. */
  readonly throughTunnel?: boolean;
}

/** What this node says of itself. */
export interface SelfDescription {
  readonly publicKey: string;
  readonly raftPort: number;
  readonly grpcPort: number;
  readonly wireguardPort: number;
  readonly announced: AnnouncedEndpoints;
  readonly versions: ProgramVersions;
}

/** A new mesh. */
export function newMesh(random: Random): Place {
  return { meshId: randomId(random), raftId: BOOTSTRAP_RAFT_ID, seed: undefined };
}

/** 128 random bits, hexadecimal. */
export function randomId(random: Random): string {
  const bytes = new Uint8Array(ID_BYTES);
  random.fill(bytes);
  return bytes.toHex();
}

/** A random unique local /48 (RFC 4193 §3.2.1). */
export function randomUlaNetwork(random: Random): Prefix {
  const bytes = new Uint8Array(16);
  random.fill(bytes.subarray(1, 6));
  bytes[0] = 0xfd;
  const address = IpAddress.fromBytes(bytes);
  const prefix = address && Prefix.of(address, 48);
  if (!prefix) throw new MeshError("internal", "A unique local prefix is always a prefix");
  return prefix;
}

/**
 * Sends one Join.
 *
 * @param session Names this Join; an attempt whose answer was lost is repeated under the same name.
 * @param signal Ends the call.
 * @throws {MeshError} As the server answered, or `unimplemented` if it is no Weft node.
 */
export async function sendJoin(
  server: JoinTarget,
  credentials: RpcCredentials,
  config: NodeConfig,
  self: SelfDescription,
  instanceId: string,
  session: WriteSession,
  signal: AbortSignal,
): Promise<Place> {
  await using client = connect(server, credentials);
  const request = {
    id: config.nodeId,
    publicKey: self.publicKey,
    raftPort: self.raftPort,
    grpcPort: self.grpcPort,
    wireguardPort: self.wireguardPort,
    primaryEndpoint: self.announced.primary?.toString() ?? "",
    endpoints: self.announced.others.map(String),
    assignIpv4: config.ipv4,
    preferRaftIpv6: !config.ipv4,
    asVoter: config.asVoter,
  };
  const metadata = {
    [RAFT_INSTANCE_KEY]: instanceId,
    [PROGRAM_VERSIONS_KEY]: formatProgramVersions(self.versions),
    [WRITE_SESSION_KEY]: formatWriteSession(session),
  };
  const options = { deadlineMs: JOIN_CALL_MS, metadata, signal };
  const { message, trailers } = await client.unary(Node.method.join, request, options);
  return placeOf(message, trailers, config, self, server);
}

function placeOf(
  response: JoinResponse,
  trailers: RpcMetadata,
  config: NodeConfig,
  self: SelfDescription,
  server: JoinTarget,
): Place {
  const meshId = trailers.get(MESH_ID_KEY) ?? "";
  const raftId = Number(trailers.get(RAFT_ID_KEY));
  const meshPrefix = Prefix.parse(trailers.get(MESH_PREFIX_KEY) ?? "");
  const network = Prefix.parse(response.networkIpv6);
  const ipv4 = Prefix.parse(response.addressIpv4);
  if (meshId === "" || !Number.isSafeInteger(raftId) || raftId < 1 || !meshPrefix || !network) {
    throw new MeshError("unimplemented", `${server.address} serves the Webmesh API, but is no Weft node`);
  }
  const own = { primaryEndpoint: self.announced.primary, ipv4: config.ipv4, ipv6: config.ipv6 };
  return {
    meshId,
    raftId,
    seed: {
      network: {
        ipv4: config.ipv4 ? ipv4?.address : undefined,
        ipv6: config.ipv6 ? firstHost(network) : undefined,
        routes: [...config.ipv4 && ipv4 ? [ipv4.masked()] : [], ...config.ipv6 ? [meshPrefix] : []],
      },
      peers: response.peers.map((peer) => tunnelPeer(seedPeer(peer), own)),
      members: seedMembers(trailers.get(RAFT_VOTERS_KEY) ?? "", response),
    },
  };
}

function seedPeer(peer: JoinResponse["peers"][number]): MeshPeer {
  const primary = Endpoint.parse(peer.primaryEndpoint);
  const others = peer.endpoints.map((text) => Endpoint.parse(text)).filter((endpoint) => endpoint !== undefined);
  const ipv4 = Prefix.parse(peer.addressIpv4);
  return {
    publicKey: peer.publicKey,
    primaryEndpoint: primary?.address,
    endpoints: others.map((endpoint) => endpoint.address).filter((address) => address !== undefined),
    wireguardPort: (primary ?? others[0])?.port ?? 0,
    allowedIps: [peer.addressIpv6, ...ipv4 ? [`${ipv4.address}/32`] : []],
  };
}
