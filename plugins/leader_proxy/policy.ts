/**
 * Which calls go to the leader. Pure: the policies of the Webmesh v1 API for the methods that it knows, and one rule for all
 * others.
 *
 * @module
 */
import { needsLeader, readWishOf, type RpcCall } from "../../core/mod.ts";

/** What the v1 API says of a method on a node that does not lead. */
export type Policy =
  /** The leader answers. */
  | "require-leader"
  /** This node answers. */
  | "require-local"
  /** This node answers, unless the caller wants the leader. */
  | "allow-non-leader";

const POLICIES: ReadonlyMap<string, Policy> = new Map([
  ["/v1.Node/Join", "require-leader"],
  ["/v1.Node/Leave", "require-leader"],
  ["/v1.Node/GetStatus", "require-local"],
  ["/v1.Node/NegotiateDataChannel", "require-local"],
  ["/v1.Mesh/GetNode", "allow-non-leader"],
  ["/v1.Mesh/ListNodes", "allow-non-leader"],
  ["/v1.WebRTC/StartDataChannel", "allow-non-leader"],
  ["/v1.PeerDiscovery/ListPeers", "allow-non-leader"],
  ["/v1.Admin/PutRaftACL", "require-leader"],
  ["/v1.Admin/DeleteRaftACL", "require-leader"],
  ["/v1.Admin/GetRaftACL", "allow-non-leader"],
  ["/v1.Admin/ListRaftACLs", "allow-non-leader"],
]);

/** Writes that run once under one name, however often they are asked for; see `core/state/write_session.ts`. */
const NAMED_WRITES: ReadonlySet<string> = new Set(["/v1.Node/Join", "/v1.Node/Leave"]);

/** Whether a write of this method may be sent again under the name that it had, because its answer was lost. */
export function takesName(methodPath: string): boolean {
  return NAMED_WRITES.has(methodPath);
}

/** What reflection and health say is about the asked server. */
const LOCAL_PREFIX = "/grpc.";

/** The policy of a method; methods that no table knows may be answered by any node that serves them. */
export function policyOf(methodPath: string): Policy {
  if (methodPath.startsWith(LOCAL_PREFIX)) return "require-local";
  return POLICIES.get(methodPath) ?? "allow-non-leader";
}

/** Where a call goes on a node that does not lead. */
export type Route =
  /** To this node's handler, whatever it says. */
  | "here"
  /** To this node's handler; if that says that it takes the leader, to the leader. */
  | "here-or-leader"
  /** To the leader. */
  | "leader"
  /** To the leader; if it cannot be reached or does not serve the method, to this node's handler. */
  | "leader-or-here";

/** The route of a call that nobody has forwarded yet. */
export function routeOf({ context, authorisation, isServed }: RpcCall): Route {
  const policy = policyOf(context.methodPath);
  // What is local is of use on this host alone.
  if (policy === "require-local" || authorisation === "local") return "here";
  if (policy === "require-leader") return "leader";
  const wish = wishOf(context);
  if (wish === "leader") return "leader";
  if (wish === "leader-if-possible") return isServed ? "leader-or-here" : "leader";
  return isServed ? "here-or-leader" : "here";
}

function wishOf({ metadata, peer }: RpcCall["context"]): "leader" | "leader-if-possible" | undefined {
  try {
    const { level, prefersLeader } = readWishOf(metadata);
    // It writes to the disks of all voters. The leader would see this node, which may ask for that, instead of a stranger.
    const isStranger = peer.transport === "tls" && peer.identity === undefined;
    if (level.kind === "strong" && isStranger) return undefined;
    if (needsLeader(level)) return "leader";
    return prefersLeader ? "leader-if-possible" : undefined;
  } catch {
    // It is for the handler to say that the metadata cannot be read, if it looks at it at all.
    return undefined;
  }
}
