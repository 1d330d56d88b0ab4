/**
 * The nodes of the mesh as `v1.Mesh` shows them, from one moment: state and Raft are read together. Pure.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  listNodes,
  MeshError,
  type MeshInfo,
  meshInfo,
  meshNodeMessage,
  nodeById,
  nodeByName,
  type NodeRecord,
  type RaftStatus,
  type StateReader,
  validateNodeId,
} from "../../core/mod.ts";
import type { MeshNodeSchema } from "../../proto/gen/v1/mesh_messages_pb.ts";

/** `v1.MeshNode`. */
export type MeshNodeInit = MessageInitShape<typeof MeshNodeSchema>;

/** @throws {MeshError} `invalid-argument` for what no node can be called. */
export function checkNodeId(id: string): void {
  if (id === "") throw new MeshError("invalid-argument", "Cannot look up a node: its id is empty");
  const problem = validateNodeId(id);
  if (problem !== undefined) throw new MeshError("invalid-argument", `Cannot look up a node: ${problem}`);
}

/** The node called `id`. @throws {MeshError} `not-found`; `not-joined` while there is no state. */
export function meshNode(reader: StateReader, id: string, raft: RaftStatus): MeshNodeInit {
  const mesh = knownMesh(reader);
  const node = nodeById(reader, id);
  if (node) return meshNodeMessage(node, mesh, raft);
  throw new MeshError("not-found", `node ${id} not found`, { hint: whereToLook(nodeByName(reader, id)) });
}

/** All nodes, by id. @throws {MeshError} `not-joined` while there is no state. */
export function meshNodes(reader: StateReader, raft: RaftStatus): MeshNodeInit[] {
  const mesh = knownMesh(reader);
  return listNodes(reader).map((node) => meshNodeMessage(node, mesh, raft));
}

function knownMesh(reader: StateReader): MeshInfo {
  const mesh = meshInfo(reader);
  if (!mesh) throw new MeshError("not-joined", "This node has no state of a mesh yet");
  return mesh;
}

function whereToLook(namesake: NodeRecord | undefined): string {
  return namesake ? `There is "${namesake.id}": upper and lower case count.` : "v1.Mesh/ListNodes names all nodes.";
}
