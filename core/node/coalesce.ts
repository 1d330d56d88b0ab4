/**
 * Fewer messages that say the same: what one turn of the Raft loop has for one member, joined where the protocol allows it.
 *
 * Appends that follow each other become one append of all their entries with the highest commit index (thesis Fig. 3.1:
 * the receiver does the same with both). Of acknowledgements in one term the highest says it all. Anything else for the
 * same member stays between what was before it and what comes after it.
 *
 * @module
 */
import type { Entry } from "../seams/log_store.ts";
import { type Append, type AppendAck, isPeerMessage, type Message, type PeerMessage } from "../raft/message.ts";

/** Payload bytes up to which appends are joined. */
export const JOINED_APPEND_BYTES_MAX: number = 1 << 20;
/** Entries up to which appends are joined. */
export const JOINED_APPEND_ENTRIES_MAX = 4096;

/** Messages to other members, in order, joined. Borrows. */
export function coalesce(messages: readonly Message[]): PeerMessage[] {
  if (messages.length < 2) return messages.filter(isPeerMessage);
  const joined: PeerMessage[] = [];
  /** Place in `joined` of the last message for a member. */
  const last = new Map<number, number>();
  for (const message of messages) {
    if (!isPeerMessage(message)) continue;
    const place = last.get(message.to);
    const before = place === undefined ? undefined : joined[place];
    const both = before && join(before, message);
    if (both && place !== undefined) {
      joined[place] = both;
    } else {
      last.set(message.to, joined.length);
      joined.push(message);
    }
  }
  return joined;
}

/** Whether a message only tells of a commit. It may come later, with the next entries, or not at all: heartbeats tell it too. */
export function isNotice(message: PeerMessage): boolean {
  return message.kind === "append" && message.entries.length === 0;
}

function join(a: PeerMessage, b: PeerMessage): PeerMessage | undefined {
  if (a.term !== b.term || a.from !== b.from) return undefined;
  if (a.kind === "append" && b.kind === "append") return joinAppends(a, b);
  if (a.kind === "append-ack" && b.kind === "append-ack") return laterAck(a, b);
  return undefined;
}

function joinAppends(a: Append, b: Append): Append | undefined {
  if (b.prevIndex !== a.prevIndex + a.entries.length) return undefined;
  // A probe may repeat itself; only an append behind the entry that `a` ends with goes on from it.
  if (b.prevTerm !== (a.entries.at(-1)?.term ?? a.prevTerm)) return undefined;
  if (a.entries.length + b.entries.length > JOINED_APPEND_ENTRIES_MAX) return undefined;
  if (payloadBytes(a.entries) + payloadBytes(b.entries) > JOINED_APPEND_BYTES_MAX) return undefined;
  const entries = b.entries.length === 0 ? a.entries : [...a.entries, ...b.entries];
  return { ...a, entries, commit: Math.max(a.commit, b.commit) };
}

function laterAck(a: AppendAck, b: AppendAck): AppendAck {
  return b.index >= a.index ? b : a;
}

function payloadBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { data } of entries) bytes += data.length;
  return bytes;
}
