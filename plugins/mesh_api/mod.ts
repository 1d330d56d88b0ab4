/**
 * `v1.Mesh`: the nodes of the mesh, one by id or all of them, from any node.
 *
 * @module
 */
import type { Host, Plugin, RpcServiceFor } from "../../core/mod.ts";
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { Mesh } from "../../proto/gen/v1/mesh_pb.ts";
import { OPTIONS, readConfig } from "./config.ts";
import { checkNodeId, meshNode, meshNodes } from "./nodes.ts";

/** What it takes. */
type Needs = Pick<Host, "rpc" | "read" | "node">;

/** The plugin. */
export const meshApi: Plugin<Needs> = {
  name: "mesh_api",
  summary: "serves v1.Mesh: the nodes of the mesh",
  feature: Feature.MESH_API,
  needs: ["rpc", "read", "node"],
  options: OPTIONS,
  configure(raw) {
    readConfig(raw);
    return ({ rpc, read, node }) => {
      rpc.serve(meshService(read, node));
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    };
  },
};

function meshService(read: Needs["read"], { raft }: Needs["node"]): RpcServiceFor<typeof Mesh> {
  return {
    service: Mesh,
    methods: {
      getNode: {
        authorisation: "member",
        async handle({ id }, call) {
          checkNodeId(id);
          return await read((reader) => meshNode(reader, id, raft()), call);
        },
      },
      listNodes: {
        authorisation: "member",
        async handle(_request, call) {
          return { nodes: await read((reader) => meshNodes(reader, raft()), call) };
        },
      },
    },
  };
}
