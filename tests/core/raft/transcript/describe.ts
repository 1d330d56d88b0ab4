/**
 * How messages, entries and the rest print in transcripts.
 *
 * @module
 */
import { confChangeOf, type ConfChangeStep } from "../../../../core/raft/conf_change.ts";
import {
  APPEND_THREAD,
  APPLY_THREAD,
  type Message,
  NOBODY,
  type ProposedEntry,
} from "../../../../core/raft/message.ts";
import type { Ready, RoleKind } from "../../../../core/raft/ready.ts";
import type { PeerStatus } from "../../../../core/raft/status.ts";
import type { ConfState, Entry, HardState, SnapshotMeta } from "../../../../core/seams/log_store.ts";

const decoder = new TextDecoder();

const STATES: Record<RoleKind, string> = {
  follower: "StateFollower",
  candidate: "StateCandidate",
  "pre-candidate": "StatePreCandidate",
  leader: "StateLeader",
};

const PROGRESS: Record<PeerStatus["state"], string> = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
};

const LETTERS: Record<ConfChangeStep["operation"], string> = {
  "add-voter": "v",
  "add-learner": "l",
  remove: "r",
  update: "u",
};

/** `StateLeader` and so on. */
export function describeRole(role: RoleKind): string {
  return STATES[role];
}

/** `MsgApp` and so on. */
export function messageName(m: Message): string {
  return fieldsOf(m).name;
}

/** One message; continuation lines are indented below it. */
export function describeMessage(m: Message, indent = ""): string {
  const f = fieldsOf(m);
  let text = `${indent}${describeTarget(m.from)}->${describeTarget(m.to)} ${f.name} Term:${m.term} ` +
    `Log:${f.logTerm ?? 0}/${f.index ?? 0}`;
  if (f.hint !== undefined) text += ` Rejected (Hint: ${f.hint})`;
  if (f.commit) text += ` Commit:${f.commit}`;
  if (f.vote) text += ` Vote:${f.vote}`;
  if (f.transferee) text += ` Transferee:${f.transferee}`;
  const entries = (f.entries ?? []).map(describeEntry);
  if (entries.length === 1) text += ` Entries:[${entries[0]}]`;
  if (entries.length > 1) text += ` Entries:[${entries.map((e) => `\n${indent}  ${e}`).join("")}\n${indent}]`;
  if (f.snapshot !== undefined) text += `\n${indent}  Snapshot: ${describeSnapshot(f.snapshot)}`;
  const responses = (f.responses ?? []).map((r) => `\n${describeMessage(r, indent + "  ")}`);
  if (responses.length > 0) text += ` Responses:[${responses.join("")}\n${indent}]`;
  return text;
}

/** `term/index EntryNormal "data"`. */
export function describeEntry(entry: Entry | ProposedEntry): string {
  const place = "index" in entry ? `${entry.term}/${entry.index}` : "0/0";
  if (entry.type === "normal") return `${place} EntryNormal ${quote(entry.data)}`;
  const type = entry.type === "conf-change" ? "EntryConfChange" : "EntryConfChangeV2";
  const steps = describeSteps(confChangeOf(entry)?.steps ?? []);
  return `${place} ${type}${steps === "" ? "" : ` ${steps}`}`;
}

/** Everything in a `Ready`, in its fixed order. */
export function describeReady(ready: Ready): string {
  const lines: string[] = [];
  const { softState: soft, hardState: hard } = ready;
  if (soft !== undefined) lines.push(`Lead:${soft.leader} State:${describeRole(soft.role)}`);
  if (hard !== undefined) lines.push(`HardState ${describeHardState(hard)}`);
  const list = (title: string, items: readonly string[]) => items.length > 0 && lines.push(`${title}:`, ...items);
  list("ReadStates", ready.readStates.map(({ index, context }) => `${index} ${quote(context)}`));
  list("Entries", ready.entries.map(describeEntry));
  if (ready.snapshot !== undefined) lines.push(`Snapshot ${describeSnapshot(ready.snapshot.meta)}`);
  list("CommittedEntries", ready.committedEntries.map(describeEntry));
  list("Messages", [...ready.messages, ...ready.responses].map((m) => describeMessage(m)));
  return lines.length === 0 ? "<empty Ready>" : [`Ready MustSync=${ready.mustSync}:`, ...lines].join("\n");
}

/** One line of a leader's view. */
export function describePeer(peer: PeerStatus): string {
  let text = `${peer.id}: ${PROGRESS[peer.state]} match=${peer.match} next=${peer.next}`;
  if (peer.learner) text += " learner";
  if (peer.paused) text += " paused";
  if (peer.pendingSnapshotIndex > 0) text += ` pendingSnap=${peer.pendingSnapshotIndex}`;
  if (!peer.recentlyActive) text += " inactive";
  if (peer.inflightCount > 0) text += ` inflight=${peer.inflightCount}${peer.inflightFull ? "[full]" : ""}`;
  return text;
}

/** `voters=(1 2)&&(1) learners=(3) …`. */
export function describeMembership(conf: ConfState): string {
  const ids = (list: readonly number[]) => `(${list.map((id) => id.toString(16)).join(" ")})`;
  let text = `voters=${ids(conf.voters)}`;
  if (conf.votersOutgoing.length > 0) text += `&&${ids(conf.votersOutgoing)}`;
  if (conf.learners.length > 0) text += ` learners=${ids(conf.learners)}`;
  if (conf.learnersNext.length > 0) text += ` learners_next=${ids(conf.learnersNext)}`;
  return conf.autoLeave ? `${text} autoleave` : text;
}

interface Fields {
  readonly name: string;
  readonly logTerm?: number;
  readonly index?: number;
  readonly hint?: number;
  readonly commit?: number | undefined;
  readonly vote?: number | undefined;
  readonly transferee?: number;
  readonly entries?: readonly (Entry | ProposedEntry)[];
  readonly snapshot?: SnapshotMeta | undefined;
  readonly responses?: readonly Message[];
}

function fieldsOf(m: Message): Fields {
  switch (m.kind) {
    case "propose":
      return { name: "MsgProp", entries: m.entries };
    case "append":
      return { name: "MsgApp", logTerm: m.prevTerm, index: m.prevIndex, commit: m.commit, entries: m.entries };
    case "append-ack":
      return { name: "MsgAppResp", index: m.index };
    case "append-reject":
      return { name: "MsgAppResp", logTerm: m.hintTerm, index: m.index, hint: m.hintIndex };
    case "vote":
      return { name: "MsgVote", logTerm: m.lastTerm, index: m.lastIndex };
    case "pre-vote":
      return { name: "MsgPreVote", logTerm: m.lastTerm, index: m.lastIndex };
    case "vote-response":
      return { name: "MsgVoteResp", ...(m.granted ? {} : { hint: 0 }) };
    case "pre-vote-response":
      return { name: "MsgPreVoteResp", ...(m.granted ? {} : { hint: 0 }) };
    case "snapshot":
      return { name: "MsgSnap", snapshot: m.snapshot.meta };
    case "heartbeat":
      return { name: "MsgHeartbeat", commit: m.commit };
    case "heartbeat-response":
      return { name: "MsgHeartbeatResp" };
    case "read-index":
      return { name: "MsgReadIndex", entries: [{ type: "normal", data: m.context }] };
    case "read-index-response":
      return { name: "MsgReadIndexResp", index: m.index, entries: [{ type: "normal", data: m.context }] };
    case "transfer-leader":
      return { name: "MsgTransferLeader", transferee: m.transferee };
    case "timeout-now":
      return { name: "MsgTimeoutNow" };
    case "storage-append": {
      const { hardState: hard, entries, responses } = m;
      const snapshot = m.snapshot?.meta;
      return { name: "MsgStorageAppend", commit: hard?.commit, vote: hard?.vote, entries, snapshot, responses };
    }
    case "storage-append-response":
      return { name: "MsgStorageAppendResp", logTerm: m.lastTerm, index: m.lastIndex, snapshot: m.snapshot };
    case "storage-apply":
      return { name: "MsgStorageApply", entries: m.entries, responses: m.responses };
    case "storage-apply-response":
      return { name: "MsgStorageApplyResp", entries: m.entries };
  }
}

function describeTarget(id: number): string {
  if (id === APPEND_THREAD) return "AppendThread";
  if (id === APPLY_THREAD) return "ApplyThread";
  return id === NOBODY ? "None" : id.toString(16);
}

function describeHardState({ term, vote, commit }: HardState): string {
  return `Term:${term}${vote === NOBODY ? "" : ` Vote:${vote}`} Commit:${commit}`;
}

function describeSnapshot({ index, term, confState: c }: SnapshotMeta): string {
  const ids = (list: readonly number[]) => `[${list.join(" ")}]`;
  return `Index:${index} Term:${term} ConfState:Voters:${ids(c.voters)} VotersOutgoing:${ids(c.votersOutgoing)} ` +
    `Learners:${ids(c.learners)} LearnersNext:${ids(c.learnersNext)} AutoLeave:${c.autoLeave}`;
}

function describeSteps(steps: readonly ConfChangeStep[]): string {
  return steps.map(({ operation, id }) => LETTERS[operation] + id).join(" ");
}

function quote(data: Uint8Array): string {
  return JSON.stringify(decoder.decode(data));
}
