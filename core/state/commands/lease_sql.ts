/**
 * SQL that gives a node its numbers: allocation happens inside the replicated transaction, so two joins can never get the
 * same one.
 *
 * The order of preference: the lease that this id and key have or had; the smallest number that nobody ever had; the lease
 * released longest ago, which its owner loses; otherwise the entry is refused.
 *
 * @module
 */
import type { LeasePool } from "../queries/leases.ts";
import { type RefusalCode, refuseSql } from "../refusal.ts";

const OWNER_SQL = "node_id = :id AND public_key = :public_key";

/**
 * The smallest number of a pool that nobody ever had, beside the pool's last one. Leases are never deleted, only handed
 * on, so those of a pool have no gap: the number behind the greatest is it, one look at the end of the primary key.
 */
function nextNumberSql(pool: LeasePool): string {
  return `
  SELECT coalesce((SELECT max(number) + 1 FROM leases WHERE pool = '${pool}'), first) AS number, last
  FROM pools WHERE name = '${pool}'`;
}

/**
 * Statements after which the node (:id, :public_key) holds a number of `pool`, or the entry is refused.
 *
 * @param wanted A condition on parameters; the statements do nothing where it is false.
 */
export function holdLeaseSql(pool: LeasePool, exhausted: RefusalCode, wanted: string): string {
  const missing = `${wanted} AND NOT EXISTS (SELECT 1 FROM leases WHERE pool = '${pool}' AND ${OWNER_SQL})`;
  return `
UPDATE leases SET released_at_ms = NULL
WHERE pool = '${pool}' AND ${OWNER_SQL} AND released_at_ms IS NOT NULL AND ${wanted};

INSERT INTO leases (pool, number, node_id, public_key, created_at_ms, released_at_ms)
SELECT '${pool}', next.number, :id, :public_key, :now_ms, NULL
FROM (${nextNumberSql(pool)}) AS next
WHERE next.number <= next.last AND ${missing};

UPDATE leases SET node_id = :id, public_key = :public_key, created_at_ms = :now_ms, released_at_ms = NULL
WHERE pool = '${pool}' AND ${missing} AND number = (
  SELECT number FROM leases WHERE pool = '${pool}' AND released_at_ms IS NOT NULL
  ORDER BY released_at_ms, number LIMIT 1);

${refuseSql(exhausted, `WHERE ${missing}`)}
`;
}

/** A statement that releases the node's number of `pool` where `unwanted` is true. It stays the node's until needed. */
export function releaseLeaseSql(pool: LeasePool, unwanted: string): string {
  return `
UPDATE leases SET released_at_ms = :now_ms
WHERE pool = '${pool}' AND ${OWNER_SQL} AND released_at_ms IS NULL AND ${unwanted};
`;
}
