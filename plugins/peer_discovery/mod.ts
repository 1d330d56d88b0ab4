/**
 * `v1.PeerDiscovery`: tells who asks which nodes a mesh can be joined through.
 *
 * @module
 */
import { type Host, listNodes, type Plugin, type RpcServiceFor } from "../../core/mod.ts";
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { PeerDiscovery } from "../../proto/gen/v1/peer_discovery_pb.ts";
import { OPTIONS, readConfig } from "./config.ts";
import { publicPeers } from "./peers.ts";

type Needs = Pick<Host, "rpc" | "read" | "node">;

/** The plugin. */
export const peerDiscovery: Plugin<Needs> = {
  name: "peer_discovery",
  summary: "tells which nodes the mesh can be joined through",
  feature: Feature.PEER_DISCOVERY,
  needs: ["rpc", "read", "node"],
  options: OPTIONS,
  configure(raw) {
    readConfig(raw);
    return (needs) => {
      needs.rpc.serve(service(needs));
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    };
  },
};

function service({ read, node }: Needs): RpcServiceFor<typeof PeerDiscovery> {
  return {
    service: PeerDiscovery,
    methods: {
      listPeers: {
        // Who wants to join is nobody's member yet.
        authorisation: "public",
        handle: async (_request, call) => ({ peers: publicPeers(await read(listNodes, call), node.raft()) }),
      },
    },
  };
}
