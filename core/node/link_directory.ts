/**
 * Who Raft's links may talk to and where: mesh address first, underlay addresses for as long as the tunnel is not up.
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
import { Endpoint } from "../ip/endpoint.ts";
import { Prefix } from "../ip/prefix.ts";
import type { JoinResponse } from "../../proto/gen/v1/node_messages_pb.ts";
import type { NodeRecord } from "../state/queries/node_record.ts";
import type { HostPort } from "./config.ts";

/** One member of the mesh as the links see it. */
export interface LinkMember {
  readonly raftId: number;
  /** WireGuard public key, base64: what the member proves itself with. */
  readonly publicKey: string;
  /** Where it listens for Raft, most wanted first. */
  readonly addresses: readonly HostPort[];
}

/** The member that a replicated record describes. */
export function linkMember(node: NodeRecord): LinkMember {
  const mesh = node.preferRaftIpv6 ? [node.ipv6, node.ipv4] : [node.ipv4, node.ipv6];
  const underlay = [node.primaryEndpoint, ...node.endpoints];
  return member(node.raftId, node.publicKey, node.raftPort, [...mesh, ...underlay]);
}

/** The voters of a mesh, written for the trailers of a Join: `raftId:raftPort:nodeId`, separated by commas. */
export function formatVoters(nodes: readonly NodeRecord[]): string {
  return nodes.map((node) => `${node.raftId}:${node.raftPort}:${node.id}`).join(",");
}

/** The voters that a Join's answer names, with what its peer list says of them; malformed ones are left out. */
export function seedMembers(voters: string, { peers }: Pick<JoinResponse, "peers">): LinkMember[] {
  return voters.split(",").flatMap((text) => {
    const [, raftId, raftPort, nodeId] = /^([1-9][0-9]{0,14}):([0-9]{1,5}):(.+)$/.exec(text) ?? [];
    const peer = peers.find((candidate) => candidate.id === nodeId);
    if (raftId === undefined || !peer) return [];
    const network = Prefix.parse(peer.addressIpv6);
    const mesh = [Prefix.parse(peer.addressIpv4)?.address, network && firstHost(network)];
    const underlay = [peer.primaryEndpoint, ...peer.endpoints].map((endpoint) => Endpoint.parse(endpoint)?.address);
    return [member(Number(raftId), peer.publicKey, Number(raftPort), [...mesh, ...underlay])];
  });
}

/** `<64>::1`, the address of a node in its network. */
export function firstHost(network: Prefix): IpAddress | undefined {
  if (network.family !== 6) return undefined;
  const bytes = network.masked().address.toBytes();
  bytes[15] = 1;
  return IpAddress.fromBytes(bytes);
}

function member(
  raftId: number,
  publicKey: string,
  port: number,
  addresses: readonly (IpAddress | undefined)[],
): LinkMember {
  const hosts = new Set(addresses.filter((address) => address !== undefined).map(String));
  return { raftId, publicKey, addresses: [...hosts].map((host) => ({ host, port })) };
}
