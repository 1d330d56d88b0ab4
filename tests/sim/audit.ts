/**
 * The strongest form of invariant 7: if the power went at every member now, would the log of a quorum hold what a client has
 * just been told? Answered by the product's own recovery, on a copy of what is certain to be durable.
 *
 * @module
 */
import { openFileLogStore } from "../../core/io/wal_log_store.ts";
import { MemoryLog } from "../twins/memory_log.ts";
import { LOG_PATH, type Member } from "./member.ts";
import { hasQuorum } from "./outlook.ts";
import type { World } from "./world.ts";

/** Entries were committed by a membership that may be so many changes old. */
const MEMBERSHIPS_MAX = 3;

/** Looks for the committed entry at `index`; a violation is noted before the present event is over. */
export function audit(world: World, index: number): void {
  look(world, index).catch((error: unknown) => world.oracle.violate(7, `an audit of ${index} fails: ${error}`));
}

async function look(world: World, index: number): Promise<void> {
  const { oracle } = world;
  const term = oracle.terms[index];
  const memberships = [...oracle.memberships].filter(([at]) => at < index).slice(-MEMBERSHIPS_MAX);
  const holders = new Set<number>();
  const copies = [...world.members.values()].map((member) => ({ member, isLost: !member.isUsable }));
  for (const { member, isLost } of copies) {
    // Of a disk that is gone nobody can say what it held.
    if (isLost || await holds(world, member, index, term)) holders.add(member.id);
  }
  if (memberships.some(([, membership]) => hasQuorum(membership, (id) => holders.has(id)))) return;
  oracle.violate(7, `${term}/${index} was acknowledged; after a power loss only ${[...holders]} would have it`);
}

async function holds(world: World, member: Member, index: number, term: number | undefined): Promise<boolean> {
  const options = {
    identity: `sim/${member.id}`,
    owner: "audit",
    log: new MemoryLog(),
    segmentBytes: world.plan.segmentBytes,
  };
  await using store = await openFileLogStore(LOG_PATH, member.disk.durableCopy(), options);
  const { snapshot, entries } = store.stored;
  return (snapshot?.meta.index ?? 0) >= index || entries.some((entry) => entry.index === index && entry.term === term);
}
