/**
 * Limits of the replicated state machine (design §4 "Limits", §7).
 *
 * These numbers decide whether an entry is refused, so they are part of the state machine: two replicas with different
 * numbers would diverge. Changing one needs the same care as a migration.
 *
 * @module
 */
import { assert } from "../assert.ts";

/** Bytes of one encoded log entry. The longest command of ours has under 8 KiB. */
export const ENTRY_BYTES_MAX = 256 * 1024;

/** UTF-16 units of an entry's SQL text. */
export const SQL_UNITS_MAX = 64 * 1024;

/** Parameters of one entry. */
export const PARAMETER_COUNT_MAX = 64;

/** UTF-16 units or bytes of one text or bytes parameter. */
export const PARAMETER_UNITS_MAX = 16 * 1024;

/** Underlay addresses that a node announces beside its primary one. */
export const NODE_ENDPOINT_COUNT_MAX = 16;

/** Characters of a node id: one DNS label (RFC 1035 §2.3.4). */
export const NODE_ID_CHARACTERS_MAX = 63;

/** Characters of the random id that a joiner gives its Raft log. */
export const RAFT_INSTANCE_CHARACTERS_MAX = 64;

/** Raft ACLs in a mesh. */
export const RAFT_ACL_COUNT_MAX = 256;

/** Characters of a Raft ACL's name, and of one of its patterns. */
export const RAFT_ACL_CHARACTERS_MAX = 63;

/** Patterns of one Raft ACL. */
export const RAFT_ACL_PATTERN_COUNT_MAX = 128;

/** Characters of the client id of a write. */
export const SESSION_CLIENT_CHARACTERS_MAX = 96;

/** Clients whose last write is remembered; the one that wrote longest ago is forgotten first. */
export const SESSION_COUNT_MAX = 1024;

/** A client is forgotten when so many entries were applied since its last write. */
export const SESSION_AGE_ENTRIES_MAX = 100_000;

/** Bytes of an answer that is remembered. That of a longer one says only that the write is done. */
export const SESSION_RESPONSE_BYTES_MAX = 4 * 1024;

/** Bytes of a database image in one entry of a restore. */
export const RESTORE_PART_BYTES_MAX = 224 * 1024;

/** Such entries of one restore: 224 MiB in all. */
export const RESTORE_PART_COUNT_MAX = 1024;

/** Characters of the id of a restore. */
export const RESTORE_ID_CHARACTERS_MAX = 64;

/** Texts of statements whose checks and plans are kept; commands and queries together have fewer. */
export const STATEMENT_CACHE_COUNT_MAX = 128;

assert(SQL_UNITS_MAX < ENTRY_BYTES_MAX, "An entry has room for the longest SQL text in ASCII");
assert(
  RAFT_ACL_PATTERN_COUNT_MAX * (RAFT_ACL_CHARACTERS_MAX + 1) <= PARAMETER_UNITS_MAX,
  "A comma list of the most and longest patterns fits one parameter",
);
assert(RESTORE_PART_BYTES_MAX + 1024 <= ENTRY_BYTES_MAX, "A part of a restore fits its entry");
assert(NODE_ENDPOINT_COUNT_MAX * 46 <= PARAMETER_UNITS_MAX, "A comma list of endpoints fits one parameter");
