/**
 * Messages between members as bytes: flat, little-endian, fixed widths.
 *
 * ```text
 * [0]       kind
 * [1, 9)    from
 * [9, 17)   to
 * [17, 25)  term
 * [25, …)   the fields of the kind, in the order of its interface
 * ```
 *
 * Integers below 2^53 take eight bytes, flags one, byte strings and lists a count of four bytes in front. Every length is
 * checked against what is there before anything is allocated for it, and a message must end where its bytes do.
 *
 * What the numbers mean to each other is the engine's to check (`message_check.ts`). Framing, and the version of this
 * format, belong to the transport.
 *
 * @module
 */
import type { ConfState, Entry, EntryType, Snapshot } from "../seams/log_store.ts";
import { assert } from "../assert.ts";
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { MEMBER_ID_MAX, type PeerMessage, type ProposedEntry } from "./message.ts";

/** The largest message other than a snapshot: one entry of the largest size, and room. */
export const MESSAGE_BYTES_MAX = 32 << 20;
/** The largest snapshot message. */
export const SNAPSHOT_MESSAGE_BYTES_MAX = 256 << 20;
/** Entries in one message. The engine's limit on bytes is reached first. */
export const MESSAGE_ENTRIES_MAX = 65_536;
/** Members in one list of a membership. */
export const CONF_STATE_MEMBERS_MAX = 1024;
/** Bytes of the context of a read. */
export const READ_CONTEXT_BYTES_MAX = 1024;

/** Why bytes are not a message. */
export type CodecDropReason =
  | "message-too-large"
  | "message-truncated"
  | "message-trailing-bytes"
  | "message-unknown-kind"
  | "message-bad-value"
  | "message-too-many-items";

/** Numbers on the wire: the place in this list plus one. Append only. */
const KINDS: readonly PeerMessage["kind"][] = [
  "propose",
  "append",
  "append-ack",
  "append-reject",
  "vote",
  "pre-vote",
  "vote-response",
  "pre-vote-response",
  "snapshot",
  "heartbeat",
  "heartbeat-response",
  "read-index",
  "read-index-response",
  "transfer-leader",
  "timeout-now",
];

/** Numbers on the wire: the place in this list. Append only. */
const ENTRY_TYPES: readonly EntryType[] = ["normal", "conf-change", "conf-change-v2"];

const ENVELOPE_BYTES = 1 + 3 * 8;
/** Term, index, type and length. */
const ENTRY_HEADER_BYTES = 8 + 8 + 1 + 4;
const PROPOSED_ENTRY_HEADER_BYTES = 1 + 4;

/** Bytes that {@linkcode encodeMessage} makes of `m`. */
export function messageBytes(m: PeerMessage): number {
  return ENVELOPE_BYTES + bodyBytes(m);
}

/** The limit that holds for messages of `kind`, in bytes. */
export function messageBytesMax(kind: PeerMessage["kind"]): number {
  return kind === "snapshot" ? SNAPSHOT_MESSAGE_BYTES_MAX : MESSAGE_BYTES_MAX;
}

/**
 * Returns the bytes of `m`, and borrows what it holds. `m` is within the limits above, except perhaps for its size.
 *
 * @param target Filled with them: as many bytes as {@linkcode messageBytes} says; fresh ones if left out.
 */
export function encodeMessage(m: PeerMessage, target: Uint8Array = new Uint8Array(messageBytes(m))): Uint8Array {
  const writer = new ByteWriter(target);
  writer.u8(KINDS.indexOf(m.kind) + 1).u53le(m.from).u53le(m.to).u53le(m.term);
  writeBody(writer, m);
  assert(writer.offset === target.length, "A message has the size that was computed for it");
  return target;
}

/** Reads one message. Takes `bytes`: the data of entries, snapshots and contexts are views of it. Never throws. */
export function decodeMessage(bytes: Uint8Array): PeerMessage | CodecDropReason {
  if (bytes.length > SNAPSHOT_MESSAGE_BYTES_MAX) return "message-too-large";
  const reader = new MessageReader(bytes);
  const kind = KINDS[reader.u8() - 1];
  const envelope = { from: reader.number(), to: reader.number(), term: reader.number() };
  if (kind === undefined) return reader.problem ?? "message-unknown-kind";
  if (bytes.length > messageBytesMax(kind)) return "message-too-large";
  const message = readBody(reader, kind, envelope);
  return reader.end() ?? message;
}

function bodyBytes(m: PeerMessage): number {
  switch (m.kind) {
    case "propose":
      return m.entries.reduce((sum, { data }) => sum + PROPOSED_ENTRY_HEADER_BYTES + data.length, 4);
    case "append":
      return m.entries.reduce((sum, { data }) => sum + ENTRY_HEADER_BYTES + data.length, 3 * 8 + 4);
    case "append-ack":
    case "heartbeat-response":
    case "transfer-leader":
      return 8;
    case "append-reject":
      return 3 * 8;
    case "vote":
    case "pre-vote":
      return 2 * 8 + 1;
    case "vote-response":
    case "pre-vote-response":
      return 1 + 1 + (m.commit ? 2 * 8 : 0);
    case "snapshot": {
      const { voters, learners, votersOutgoing, learnersNext } = m.snapshot.meta.confState;
      const membersCount = voters.length + learners.length + votersOutgoing.length + learnersNext.length;
      return 2 * 8 + 4 * 4 + membersCount * 8 + 1 + 4 + m.snapshot.data.length;
    }
    case "heartbeat":
      return 2 * 8;
    case "read-index":
      return 4 + m.context.length;
    case "read-index-response":
      return 8 + 4 + m.context.length;
    case "timeout-now":
      return 0;
  }
}

function writeBody(writer: ByteWriter, m: PeerMessage): void {
  switch (m.kind) {
    case "propose":
      return writeProposedEntries(writer, m.entries);
    case "append":
      writer.u53le(m.prevIndex).u53le(m.prevTerm);
      writeEntries(writer, m.entries);
      return void writer.u53le(m.commit);
    case "append-ack":
      return void writer.u53le(m.index);
    case "append-reject":
      return void writer.u53le(m.index).u53le(m.hintIndex).u53le(m.hintTerm);
    case "vote":
    case "pre-vote":
      return void writer.u53le(m.lastIndex).u53le(m.lastTerm).u8(m.transfer ? 1 : 0);
    case "vote-response":
    case "pre-vote-response":
      writer.u8(m.granted ? 1 : 0).u8(m.commit ? 1 : 0);
      if (m.commit) writer.u53le(m.commit.index).u53le(m.commit.term);
      return;
    case "snapshot":
      return writeSnapshot(writer, m.snapshot);
    case "heartbeat":
      return void writer.u53le(m.commit).u53le(m.round);
    case "heartbeat-response":
      return void writer.u53le(m.round);
    case "read-index":
      return writeContext(writer, m.context);
    case "read-index-response":
      writer.u53le(m.index);
      return writeContext(writer, m.context);
    case "transfer-leader":
      return void writer.u53le(m.transferee);
    case "timeout-now":
      return;
  }
}

function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  assert(entries.length <= MESSAGE_ENTRIES_MAX, "A message's entries are within their limit");
  writer.u32le(entries.length);
  for (const { term, index, type, data } of entries) {
    writer.u53le(term).u53le(index).u8(ENTRY_TYPES.indexOf(type)).u32le(data.length).bytes(data);
  }
}

function writeProposedEntries(writer: ByteWriter, entries: readonly ProposedEntry[]): void {
  assert(entries.length <= MESSAGE_ENTRIES_MAX, "A message's entries are within their limit");
  writer.u32le(entries.length);
  for (const { type, data } of entries) writer.u8(ENTRY_TYPES.indexOf(type)).u32le(data.length).bytes(data);
}

function writeSnapshot(writer: ByteWriter, { meta, data }: Snapshot): void {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = meta.confState;
  writer.u53le(meta.index).u53le(meta.term);
  for (const members of [voters, learners, votersOutgoing, learnersNext]) {
    assert(members.length <= CONF_STATE_MEMBERS_MAX, "A membership is within its limit");
    writer.u32le(members.length);
    for (const id of members) writer.u53le(id);
  }
  writer.u8(autoLeave ? 1 : 0).u32le(data.length).bytes(data);
}

function writeContext(writer: ByteWriter, context: Uint8Array): void {
  assert(context.length <= READ_CONTEXT_BYTES_MAX, "A read's context is within its limit");
  writer.u32le(context.length).bytes(context);
}

/** Fields in front of every body. */
interface Envelope {
  readonly from: number;
  readonly to: number;
  readonly term: number;
}

function readBody(reader: MessageReader, kind: PeerMessage["kind"], envelope: Envelope): PeerMessage {
  switch (kind) {
    case "propose":
      if (envelope.term !== 0) reader.fail("message-bad-value");
      return { kind, ...envelope, term: 0, entries: reader.proposedEntries() };
    case "append": {
      const [prevIndex, prevTerm] = [reader.number(), reader.number()];
      const entries = reader.entries();
      return { kind, ...envelope, prevIndex, prevTerm, entries, commit: reader.number() };
    }
    case "append-ack":
      return { kind, ...envelope, index: reader.number() };
    case "append-reject": {
      const [index, hintIndex, hintTerm] = [reader.number(), reader.number(), reader.number()];
      return { kind, ...envelope, index, hintIndex, hintTerm };
    }
    case "vote":
    case "pre-vote": {
      const [lastIndex, lastTerm] = [reader.number(), reader.number()];
      return { kind, ...envelope, lastIndex, lastTerm, transfer: reader.flag() };
    }
    case "vote-response":
    case "pre-vote-response": {
      const granted = reader.flag();
      if (!reader.flag()) return { kind, ...envelope, granted };
      const [index, term] = [reader.number(), reader.number()];
      return { kind, ...envelope, granted, commit: { index, term } };
    }
    case "snapshot":
      return { kind, ...envelope, snapshot: reader.snapshot() };
    case "heartbeat": {
      const [commit, round] = [reader.number(), reader.number()];
      return { kind, ...envelope, commit, round };
    }
    case "heartbeat-response":
      return { kind, ...envelope, round: reader.number() };
    case "read-index":
      if (envelope.term !== 0) reader.fail("message-bad-value");
      return { kind, ...envelope, term: 0, context: reader.context() };
    case "read-index-response": {
      const index = reader.number();
      return { kind, ...envelope, index, context: reader.context() };
    }
    case "transfer-leader":
      return { kind, ...envelope, transferee: reader.number() };
    case "timeout-now":
      return { kind, ...envelope };
  }
}

const EMPTY = new Uint8Array();

/** Reads fields, remembers the first problem, and gives zeros and empty lists from there on. */
class MessageReader {
  readonly #reader: ByteReader;
  #problem: CodecDropReason | undefined;

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes);
  }

  get problem(): CodecDropReason | undefined {
    return this.#problem;
  }

  fail(problem: CodecDropReason): void {
    this.#problem ??= problem;
  }

  /** What is wrong with the whole, if anything. */
  end(): CodecDropReason | undefined {
    if (this.#reader.remaining > 0) this.fail("message-trailing-bytes");
    return this.#problem;
  }

  u8(): number {
    return this.#reader.u8() ?? this.#truncated();
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) this.fail("message-bad-value");
    return value === 1;
  }

  /** An integer below 2^53. */
  number(): number {
    const isThere = this.#reader.remaining >= 8;
    const value = this.#reader.u53le();
    if (value === undefined) this.fail(isThere ? "message-bad-value" : "message-truncated");
    return value ?? 0;
  }

  entries(): Entry[] {
    const entries: Entry[] = [];
    for (let left = this.#count(MESSAGE_ENTRIES_MAX, ENTRY_HEADER_BYTES); left > 0 && !this.#problem; left--) {
      const [term, index] = [this.number(), this.number()];
      entries.push({ term, index, type: this.#entryType(), data: this.#bytes() });
    }
    return entries;
  }

  proposedEntries(): ProposedEntry[] {
    const entries: ProposedEntry[] = [];
    for (let left = this.#count(MESSAGE_ENTRIES_MAX, PROPOSED_ENTRY_HEADER_BYTES); left > 0 && !this.#problem; left--) {
      entries.push({ type: this.#entryType(), data: this.#bytes() });
    }
    return entries;
  }

  snapshot(): Snapshot {
    const [index, term] = [this.number(), this.number()];
    const confState: ConfState = {
      voters: this.#members(),
      learners: this.#members(),
      votersOutgoing: this.#members(),
      learnersNext: this.#members(),
      autoLeave: this.flag(),
    };
    return { meta: { index, term, confState }, data: this.#bytes() };
  }

  context(): Uint8Array {
    const context = this.#bytes();
    if (context.length > READ_CONTEXT_BYTES_MAX) this.fail("message-too-large");
    return context;
  }

  /** Ids in ascending order. */
  #members(): number[] {
    const members: number[] = [];
    for (let left = this.#count(CONF_STATE_MEMBERS_MAX, 8); left > 0 && !this.#problem; left--) {
      const id = this.number();
      if (id <= (members.at(-1) ?? 0) || id > MEMBER_ID_MAX) this.fail("message-bad-value");
      members.push(id);
    }
    return members;
  }

  #entryType(): EntryType {
    const type = ENTRY_TYPES[this.u8()];
    if (type === undefined) this.fail("message-bad-value");
    return type ?? "normal";
  }

  #bytes(): Uint8Array {
    const bytes = this.#reader.bytes(this.#reader.u32le() ?? this.#truncated());
    if (bytes === undefined) this.fail("message-truncated");
    return bytes ?? EMPTY;
  }

  /** The length of a list whose items take at least `itemBytesMin` each. */
  #count(countMax: number, itemBytesMin: number): number {
    const count = this.#reader.u32le() ?? this.#truncated();
    if (count > countMax) this.fail("message-too-many-items");
    if (count * itemBytesMin > this.#reader.remaining) this.fail("message-truncated");
    return this.#problem ? 0 : count;
  }

  #truncated(): number {
    this.fail("message-truncated");
    return 0;
  }
}
