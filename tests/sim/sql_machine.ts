/**
 * The product's state machine over SQLite, with the product's own commands where clients join, and plain SQL where they
 * treat `mesh_state` as registers.
 *
 * A write with a session leaves a mark in the state: when it runs twice, the mark is there already, and the replica ends.
 *
 * Slow; the state is hashed now and then only.
 *
 * @module
 */
import type { RaftApplyResponse } from "../../proto/gen/v1/node_raft_pb.ts";
import type { SqlEngine } from "../../core/seams/sql_database.ts";
import { type CommittedEntry, StateMachine } from "../../core/state/apply.ts";
import { encodeEntry, executionEntry, queryEntry, responseError, responseRows } from "../../core/state/codec.ts";
import { bootstrapCommand } from "../../core/state/commands/bootstrap_mesh.ts";
import { joinCommand, parseJoinResult } from "../../core/state/commands/join_node.ts";
import { migrateCommand } from "../../core/state/commands/migrate.ts";
import { MIGRATIONS } from "../../core/state/migrations.ts";
import type { ReplicaCheck } from "../../core/state/replica_check.ts";
import { formatWriteSession, type WriteSession } from "../../core/state/write_session.ts";
import { bootstrap, joiner } from "../core/state/mesh_fixture.ts";
import {
  type Fingerprint,
  type Fsm,
  type MachineListener,
  type Operation,
  SILENT,
  type SimMachine,
} from "./machine.ts";

/** The state is hashed after batches that end at a multiple of this. */
const HASH_INDEXES = 8;

const SWAP_SQL = "SELECT value FROM mesh_state WHERE key = :key; " +
  "INSERT INTO mesh_state (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
const CAS_SQL = "UPDATE mesh_state SET value = :value WHERE key = :key AND value = :expected; " +
  "INSERT INTO mesh_state (key, value) SELECT :key, :value WHERE :expected = '0' " +
  "AND NOT EXISTS (SELECT 1 FROM mesh_state WHERE key = :key)";
const MARK_SQL = "INSERT INTO mesh_state (key, value) VALUES (:mark, ''); ";
/** What SQLite says of a second mark; nothing else here has a key that is there already. */
const MARKED_ERROR = "UNIQUE constraint failed: mesh_state.key";
const READ_SQL = "SELECT value FROM mesh_state WHERE key = :key";

/** A state machine over `engine`. */
export function sqlFsm(engine: SqlEngine): Fsm {
  return {
    name: "sqljs",
    found: () => {
      const machine = new SqlMachine(StateMachine.open(engine), SILENT);
      const migrations = MIGRATIONS.map((_, at) => migrateCommand(at + 1));
      const entries = [...migrations, bootstrapCommand(bootstrap())];
      machine.applyBatch(entries.map((entry, at) => ({ index: at + 1, term: 1, data: encodeEntry(entry) })));
      return machine;
    },
    open: (image, listener) => new SqlMachine(StateMachine.open(engine, image), listener),
    encode: (operation) => encodeEntry(entryOf(operation), sessionOf(operation)),
    result,
    knows: (kind) => kind !== "lease",
    hasSessions: true,
  };
}

function sessionOf(operation: Operation): WriteSession | undefined {
  return "session" in operation ? operation.session : undefined;
}

function entryOf(operation: Operation): ReturnType<typeof queryEntry> {
  const key = `key-${operation.key}`;
  const session = sessionOf(operation);
  const [first, mark] = session ? [MARK_SQL, { mark: `ran-${formatWriteSession(session)}` }] : ["", {}];
  switch (operation.kind) {
    case "swap":
      return queryEntry(`${first}${SWAP_SQL}`, { ...mark, key, value: String(operation.value) });
    case "cas": {
      const values = { expected: String(operation.expected), value: String(operation.value) };
      return executionEntry(`${first}${CAS_SQL}`, { ...mark, key, ...values });
    }
    case "join":
      return joinCommand(joiner(operation.key + 1));
    case "read":
    case "lease":
      return queryEntry(READ_SQL, { key });
  }
}

function result(response: RaftApplyResponse, operation: Operation): number | undefined {
  switch (operation.kind) {
    case "cas":
      if (responseError(response) !== undefined) return undefined;
      return Number(response.execResult?.rowsAffected ?? 0n) - (operation.session ? 1 : 0);
    case "join": {
      const joined = parseJoinResult(response);
      const ipv4 = joined.kind === "joined" ? joined.node.ipv4 : undefined;
      return ipv4 && new DataView(ipv4.toBytes().buffer).getUint32(0);
    }
    default:
      return responseError(response) === undefined ? valueIn(responseRows(response).rows) : undefined;
  }
}

function valueIn(rows: readonly (readonly unknown[])[]): number {
  return Number(rows[0]?.[0] ?? 0);
}

class SqlMachine implements SimMachine {
  readonly #inner: StateMachine;
  readonly #listener: MachineListener;

  constructor(inner: StateMachine, listener: MachineListener) {
    this.#inner = inner;
    this.#listener = listener;
  }

  get appliedIndex(): number {
    return this.#inner.appliedIndex;
  }

  get fingerprint(): Fingerprint {
    return this.#inner.stateHash();
  }

  get check(): ReplicaCheck {
    return this.#inner.check;
  }

  lookup(key: number): number {
    return valueIn(this.#inner.rows(READ_SQL, { key: `key-${key}` }).rows);
  }

  applyBatch(entries: readonly CommittedEntry[]): RaftApplyResponse[] {
    const responses = this.#inner.applyBatch(entries);
    if (responses.some((response) => responseError(response) === MARKED_ERROR)) throw new Error("a write ran twice");
    entries.forEach(({ index, term }, i) => {
      this.#listener.applied(index, term, i === entries.length - 1 ? this.#hashNowAndThen() : undefined);
    });
    return responses;
  }

  advanceTo(index: number, term: number): void {
    if (index <= this.appliedIndex) return;
    this.#inner.advanceTo(index, term);
    this.#listener.applied(index, term, this.#hashNowAndThen());
  }

  snapshot(): Uint8Array {
    return this.#inner.snapshot();
  }

  restore(image: Uint8Array): void {
    this.#inner.restore(image);
    this.#listener.restored(this.appliedIndex, this.fingerprint);
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }

  #hashNowAndThen(): Fingerprint {
    return this.appliedIndex % HASH_INDEXES === 0 ? this.fingerprint : undefined;
  }
}
