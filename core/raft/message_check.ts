/**
 * What must be true of a message before any rule of the protocol looks at it.
 *
 * Members are trusted to follow the protocol but their bytes may be damaged or of another version: whatever passes here
 * cannot break an assertion further in.
 *
 * @module
 */
import type { Entry } from "../seams/log_store.ts";
import { APPEND_THREAD, APPLY_THREAD, MEMBER_ID_MAX, type Message, type MessageKind } from "./message.ts";
import type { DropReason } from "./outcome.ts";

/** The largest term a message may carry; leaves room to campaign in the terms after it. */
export const TERM_MAX = 2 ** 52;

/** What is wrong with `m` on arrival at member `self`, if anything. */
export function checkMessage(m: Message, self: number): DropReason | undefined {
  if (m.to !== self) return "misaddressed";
  if (!isFromRightPlace(m, self)) return "wrong-sender";
  return isIndex(m.from) && hasRightTerm(m) && isWellFormed(m) ? undefined : "malformed";
}

/** Whether `kind` answers something: only members of the group are asked anything. */
export function isResponse(kind: MessageKind): boolean {
  switch (kind) {
    case "append-ack":
    case "append-reject":
    case "vote-response":
    case "pre-vote-response":
    case "heartbeat-response":
    case "read-index-response":
      return true;
    default:
      return false;
  }
}

function isFromRightPlace(m: Message, self: number): boolean {
  const fromMember = m.from >= 1 && m.from <= MEMBER_ID_MAX;
  switch (m.kind) {
    case "storage-append":
    case "storage-apply":
      return false;
    case "storage-append-response":
      return m.from === APPEND_THREAD;
    case "storage-apply-response":
      return m.from === APPLY_THREAD;
    case "append-ack":
    case "vote-response":
    case "pre-vote-response":
      // A member's own comes with its write.
      return fromMember;
    case "propose":
    case "read-index":
      // What a member forwarded may come back, once it leads itself.
      return fromMember;
    default:
      return fromMember && m.from !== self;
  }
}

function hasRightTerm(m: Message): boolean {
  switch (m.kind) {
    case "propose":
    case "read-index":
    case "storage-apply":
    case "storage-apply-response":
      return m.term === 0;
    default:
      return isIndex(m.term) && m.term >= 1 && m.term <= TERM_MAX;
  }
}

function isWellFormed(m: Message): boolean {
  switch (m.kind) {
    case "propose":
      return m.entries.length > 0;
    case "append":
      return isIndex(m.prevIndex) && isIndex(m.prevTerm) && isIndex(m.commit) && isSequence(m);
    case "append-ack":
      return isIndex(m.index);
    case "append-reject":
      return isIndex(m.index) && isIndex(m.hintIndex) && isIndex(m.hintTerm);
    case "vote":
    case "pre-vote":
      return isIndex(m.lastIndex) && isIndex(m.lastTerm);
    case "vote-response":
    case "pre-vote-response":
      return m.commit === undefined || (isIndex(m.commit.index) && isIndex(m.commit.term));
    case "heartbeat":
      return isIndex(m.commit) && isIndex(m.round);
    case "heartbeat-response":
      return isIndex(m.round);
    case "read-index-response":
      return isIndex(m.index);
    default:
      return true;
  }
}

/** Entries follow (`prevIndex`, `prevTerm`) without a gap, and no term is newer than the leader's. */
function isSequence(m: { prevIndex: number; prevTerm: number; term: number; entries: readonly Entry[] }): boolean {
  let { prevIndex: index, prevTerm: term } = m;
  for (const entry of m.entries) {
    if (entry.index !== ++index || !(entry.term >= term && entry.term <= m.term)) return false;
    term = entry.term;
  }
  return term <= m.term && Number.isSafeInteger(index);
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
