/**
 * Asking a node which nodes its mesh can be joined through, as `--join discover://HOST:PORT` does: the client's side of
 * `v1.PeerDiscovery`.
 *
 * @module
 */
import { type ListRaftPeersResponse, PeerDiscovery } from "../../proto/gen/v1/peer_discovery_pb.ts";
import { MeshError } from "../plugin/errors.ts";
import { connect } from "../rpc/client.ts";
import type { RpcCredentials } from "../rpc/credentials.ts";
import { formatHostPort, type HostPort, parseHostPort } from "./config.ts";

/** One question ends after this time, in milliseconds. */
const DISCOVER_CALL_MS = 5_000;
/** Of a longer list, the rest is left out. */
export const DISCOVERED_COUNT_MAX = 16;

/**
 * The nodes to ask, the likeliest first.
 *
 * @throws {MeshError} As the server answered; `not-found` if it knows no node that others can reach.
 */
export async function discoverPeers(
  server: HostPort,
  credentials: RpcCredentials,
  signal: AbortSignal,
): Promise<HostPort[]> {
  await using client = connect({ address: formatHostPort(server) }, credentials);
  const options = { deadlineMs: DISCOVER_CALL_MS, signal };
  const servers = serversOf((await client.unary(PeerDiscovery.method.listPeers, {}, options)).message);
  if (servers.length > 0) return servers;
  throw new MeshError("not-found", "It knows of no node that others can reach", {
    hint: "Start a node of the mesh with --primary-endpoint IP, or name one with --join HOST:PORT.",
  });
}

/** The leader, then other voters, then the rest, each once; what is no address is left out. */
export function serversOf({ peers }: Pick<ListRaftPeersResponse, "peers">): HostPort[] {
  const byAddress = new Map<string, HostPort>();
  const ranked = peers.toSorted((a, b) => Number(b.leader) - Number(a.leader) || Number(b.voter) - Number(a.voter));
  for (const { address } of ranked) {
    const server = address.startsWith(":") ? undefined : parseHostPort(address);
    if (server && server.port !== 0) byAddress.set(formatHostPort(server), server);
    if (byAddress.size === DISCOVERED_COUNT_MAX) break;
  }
  return [...byAddress.values()];
}
