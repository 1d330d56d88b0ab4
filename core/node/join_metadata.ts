/**
 * What Join must tell besides the v1 messages, as gRPC metadata. All keys are optional on the wire for clients that only
 * want an address; a node needs the answers to take part in Raft.
 *
 * @module
 */

/** Request: random id of the joiner's log. A new one under a known node id means its log is gone. */
export const RAFT_INSTANCE_KEY = "weft-raft-instance";
/** Request: what the joiner's program has, `ENGINE/SCHEMA` (`core/state/program_versions.ts`). */
export const PROGRAM_VERSIONS_KEY = "weft-program-versions";
/** Request, for every write: `CLIENT:SEQUENCE`, the name under which it runs once (`core/state/write_session.ts`). */
export const WRITE_SESSION_KEY = "weft-write-session";
/** Answer: id of the mesh. */
export const MESH_ID_KEY = "weft-mesh-id";
/** Answer: the joiner's numeric Raft member id, decimal. */
export const RAFT_ID_KEY = "weft-raft-id";
/** Answer: the mesh's ULA /48. */
export const MESH_PREFIX_KEY = "weft-mesh-prefix";
/** Answer: every voter, any of which may lead; see `link_directory.ts` for the form. */
export const RAFT_VOTERS_KEY = "weft-raft-voters";
