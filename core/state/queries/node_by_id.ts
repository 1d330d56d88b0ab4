/**
 * One node of the mesh.
 *
 * @module
 */
import type { StateReader } from "../apply.ts";
import { NODE_RECORD_SQL, type NodeRecord, nodeRecords } from "./node_record.ts";
import { schemaRows } from "./schema_version.ts";

const BY_ID_SQL = `${NODE_RECORD_SQL} WHERE n.id = :id`;

const BY_NAME_SQL = `${NODE_RECORD_SQL} WHERE lower(n.id) = lower(:id)`;

const BY_KEY_SQL = `${NODE_RECORD_SQL} WHERE n.public_key = :public_key`;

const BY_RAFT_ID_SQL = `${NODE_RECORD_SQL} WHERE n.raft_id = :raft_id`;

/** The node with exactly this id; `undefined` if there is none. */
export function nodeById(reader: StateReader, id: string): NodeRecord | undefined {
  return nodeRecords(schemaRows(reader, BY_ID_SQL, { id }))[0];
}

/** The node with this id in upper or lower case, as DNS asks; `undefined` if there is none. */
export function nodeByName(reader: StateReader, id: string): NodeRecord | undefined {
  return nodeRecords(schemaRows(reader, BY_NAME_SQL, { id }))[0];
}

/** The node with this public key, base64; `undefined` if there is none. */
export function nodeByPublicKey(reader: StateReader, publicKey: string): NodeRecord | undefined {
  return nodeRecords(schemaRows(reader, BY_KEY_SQL, { public_key: publicKey }))[0];
}

/** The node with this number in Raft; `undefined` if there is none. */
export function nodeByRaftId(reader: StateReader, raftId: number): NodeRecord | undefined {
  return nodeRecords(schemaRows(reader, BY_RAFT_ID_SQL, { raft_id: raftId }))[0];
}
