/**
 * A state machine that is a map: what clients need to see whether the group behaves like one register per key, and nothing
 * more. Fast, so that most runs use it; `sql_machine.ts` is the product's.
 *
 * An operation is 17 bytes, kind (u8), key (u32) and three arguments (u32 each), and then any padding. Its result is a
 * number.
 *
 * @module
 */
import { Slab } from "../../core/bytes/slab.ts";
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import type { LoopMachine } from "../../core/node/raft_loop.ts";
import type { CommittedEntry } from "../../core/state/apply.ts";
import type { ReplicaCheck } from "../../core/state/replica_check.ts";
import type { WriteSession } from "../../core/state/write_session.ts";

/** What a client asks for. */
export type Operation =
  /** Sets `key` to `value`; the result is what was there before. */
  | { readonly kind: "swap"; readonly key: number; readonly value: number; readonly session?: WriteSession }
  /** Sets `key` to `value` if it is `expected`; the result is 1 if it was, otherwise 0. */
  | {
    readonly kind: "cas";
    readonly key: number;
    readonly expected: number;
    readonly value: number;
    readonly session?: WriteSession;
  }
  /** The result is what is there. */
  | { readonly kind: "read"; readonly key: number }
  /** Takes or renews the lease `key` for `holder` until `untilMs`; the result is 1 if it is the holder's then. */
  | {
    readonly kind: "lease";
    readonly key: number;
    readonly holder: number;
    readonly nowMs: number;
    readonly ttlMs: number;
  }
  /** Node `key` joins a mesh; the result is the number of its address. */
  | { readonly kind: "join"; readonly key: number };

/** Hash of a state; `undefined` where it was not computed. */
export type Fingerprint = number | string | undefined;

/** Hears what a machine has done. */
export interface MachineListener {
  applied(index: number, term: number, state: Fingerprint): void;
  restored(index: number, state: Fingerprint): void;
}

/** A state machine under simulation. */
export interface SimMachine extends LoopMachine, Disposable {
  /** What `key` holds at the applied index; 0 if nothing. */
  lookup(key: number): number;
  /** Hash of the state at the applied index, if it is known. */
  readonly fingerprint: Fingerprint;
  /** What replicas found when they compared their states, where they can. */
  readonly check?: ReplicaCheck;
}

/** A kind of state machine. */
export interface Fsm {
  readonly name: "map" | "sqljs";
  /** The state that the log of a new group begins with; its applied index says where. */
  found(): SimMachine;
  open(image: Uint8Array | undefined, listener: MachineListener): SimMachine;
  /** The entry; `paddingBytes` longer than it need be, if there is a way. */
  encode(operation: Operation, paddingBytes: number): Uint8Array;
  /** The result of an operation; `undefined` if it was refused. */
  result(response: RaftApplyResponse, operation: Operation): number | undefined;
  /** Whether this kind of operation exists. */
  knows(kind: Operation["kind"]): boolean;
  /** Whether a write with a session runs once, however often it is in the log, and replicas compare their states. */
  readonly hasSessions: boolean;
}

const ENTRY_BYTES = 17;
const KINDS: readonly Operation["kind"][] = ["swap", "cas", "read", "lease"];
const CELL_BYTES = 12;
const HEADER_BYTES = 20;

/** See the module. */
export const MAP_FSM: Fsm = {
  name: "map",
  open: (image, listener) => new MapMachine(image, listener),
  encode: encodeOperation,
  result: (response) => Number(response.time),
  knows: (kind) => kind !== "join",
  hasSessions: false,
  found: () => {
    const machine = new MapMachine(undefined, SILENT);
    machine.advanceTo(1, 1);
    return machine;
  },
};

/** Nobody listens. */
export const SILENT: MachineListener = { applied: () => {}, restored: () => {} };

/** Entries. */
const SLAB = new Slab();

function encodeOperation(operation: Operation, paddingBytes: number): Uint8Array {
  const bytes = SLAB.take(ENTRY_BYTES + paddingBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint8(0, KINDS.indexOf(operation.kind));
  view.setUint32(1, operation.key);
  switch (operation.kind) {
    case "swap":
      view.setUint32(5, operation.value);
      break;
    case "cas":
      view.setUint32(5, operation.expected);
      view.setUint32(9, operation.value);
      break;
    case "lease":
      view.setUint32(5, operation.holder);
      view.setUint32(9, operation.nowMs);
      view.setUint32(13, operation.ttlMs);
      break;
    case "read":
    case "join":
      break;
  }
  return bytes;
}

class MapMachine implements SimMachine {
  readonly #listener: MachineListener;
  #cells = new Map<number, number>();
  /** By lease: holder and end. */
  #ends = new Map<number, number>();
  #index = 0;
  #term = 0;
  #fingerprint = 0;

  constructor(image: Uint8Array | undefined, listener: MachineListener) {
    this.#listener = listener;
    if (image) this.#load(image);
  }

  get appliedIndex(): number {
    return this.#index;
  }

  get fingerprint(): number {
    return this.#fingerprint;
  }

  lookup(key: number): number {
    return this.#cells.get(key) ?? 0;
  }

  applyBatch(entries: readonly CommittedEntry[]): RaftApplyResponse[] {
    return entries.map((entry) => {
      const result = entry.data.length === 0 ? 0 : this.#run(entry.data);
      this.#mix(entry.index, result);
      this.#advance(entry.index, entry.term);
      return { $typeName: "v1.RaftApplyResponse", time: String(result), error: "" };
    });
  }

  advanceTo(index: number, term: number): void {
    if (index <= this.#index) return;
    this.#mix(index, 0);
    this.#advance(index, term);
  }

  snapshot(): Uint8Array {
    const { size } = this.#cells;
    const image = new Uint8Array(HEADER_BYTES + size * CELL_BYTES);
    const view = new DataView(image.buffer);
    view.setFloat64(0, this.#index);
    view.setFloat64(8, this.#term);
    view.setUint32(16, this.#fingerprint);
    let at = HEADER_BYTES;
    for (const [key, value] of this.#cells) {
      view.setUint32(at, key);
      view.setUint32(at + 4, value);
      view.setUint32(at + 8, this.#ends.get(key) ?? 0);
      at += CELL_BYTES;
    }
    return image;
  }

  restore(image: Uint8Array): void {
    this.#load(image);
    this.#listener.restored(this.#index, this.#fingerprint);
  }

  [Symbol.dispose](): void {}

  #load(image: Uint8Array): void {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    this.#index = view.getFloat64(0);
    this.#term = view.getFloat64(8);
    this.#fingerprint = view.getUint32(16);
    this.#cells = new Map();
    this.#ends = new Map();
    for (let at = HEADER_BYTES; at < image.length; at += CELL_BYTES) {
      this.#cells.set(view.getUint32(at), view.getUint32(at + 4));
      this.#ends.set(view.getUint32(at), view.getUint32(at + 8));
    }
  }

  #run(data: Uint8Array): number {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const key = view.getUint32(1);
    const present = this.#cells.get(key) ?? 0;
    switch (KINDS[view.getUint8(0)]) {
      case "swap":
        this.#cells.set(key, view.getUint32(5));
        return present;
      case "cas":
        if (present !== view.getUint32(5)) return 0;
        this.#cells.set(key, view.getUint32(9));
        return 1;
      case "lease":
        return this.#lease(key, view.getUint32(5), view.getUint32(9), view.getUint32(13));
      default:
        return present;
    }
  }

  #lease(key: number, holder: number, nowMs: number, ttlMs: number): number {
    const present = this.#cells.get(key) ?? 0;
    const endMs = this.#ends.get(key) ?? 0;
    if (present !== 0 && present !== holder && nowMs < endMs) return 0;
    this.#cells.set(key, holder);
    this.#ends.set(key, Math.max(endMs, nowMs + ttlMs));
    return 1;
  }

  #mix(index: number, result: number): void {
    const hash = Math.imul(this.#fingerprint ^ index, 0x85ebca6b) ^ Math.imul(result, 0xc2b2ae35);
    this.#fingerprint = (hash ^ (hash >>> 13)) >>> 0;
  }

  #advance(index: number, term: number): void {
    this.#index = index;
    this.#term = term;
    this.#listener.applied(index, term, this.#fingerprint);
  }
}
