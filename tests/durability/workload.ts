/**
 * Writes whose traces show what was lost, repeated or torn: each writer counts, and its row says both how far it counted
 * and how often it was written.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { StateMachine, StateReader } from "../../core/state/apply.ts";
import { encodeEntry, executionEntry } from "../../core/state/codec.ts";

/** Values are up to so many characters long; each length comes up again and again. */
const VALUE_UNITS_MAX = 2_000;

const TABLE_SQL = `CREATE TABLE IF NOT EXISTS durability_writes (
  writer INTEGER NOT NULL PRIMARY KEY,
  sequence INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  value TEXT NOT NULL
) STRICT`;

const WRITE_SQL = "INSERT INTO durability_writes (writer, sequence, applied, value) " +
  "VALUES (:writer, :sequence, 1, :value) " +
  "ON CONFLICT (writer) DO UPDATE SET sequence = excluded.sequence, applied = applied + 1, value = excluded.value";

const READ_SQL = "SELECT writer, sequence, applied, value FROM durability_writes ORDER BY writer";

/** The first entry of a new log. */
export function tableEntry(): Uint8Array {
  return encodeEntry(executionEntry(TABLE_SQL, {}));
}

/**
 * What `writer` writes for the `sequence`th time, from 1.
 *
 * @param units The length of the value; of many lengths if left out.
 */
export function writeEntry(writer: number, sequence: number, units = someUnits(writer, sequence)): Uint8Array {
  return encodeEntry(executionEntry(WRITE_SQL, { writer, sequence, value: valueOf(writer, sequence, units) }));
}

/** How far each writer got, by writer. */
export function sequences(state: StateReader): Map<number, number> {
  const found = new Map<number, number>();
  for (const [writer, sequence, applied, value] of state.rows(READ_SQL).rows) {
    assert(typeof writer === "number" && typeof sequence === "number", "rows hold numbers");
    assert.equal(applied, sequence, `writer ${writer} was applied ${applied} times, and counted to ${sequence}`);
    const units = Number(/^\d+/.exec(String(value))?.[0]);
    assert.equal(value, valueOf(writer, sequence, units), `the value of writer ${writer} is torn`);
    found.set(writer, sequence);
  }
  return found;
}

/** True if the table is there. */
export function hasTable(machine: StateMachine): boolean {
  return machine.rows("SELECT 1 FROM sqlite_schema WHERE name = 'durability_writes'").rows.length > 0;
}

function someUnits(writer: number, sequence: number): number {
  return (writer * 977 + sequence * 37) % VALUE_UNITS_MAX;
}

/** A torn value of another length would not have its own length's filling: the length is part of it. */
function valueOf(writer: number, sequence: number, units: number): string {
  return `${units}.${writer}.${sequence}.`.padEnd(units, String.fromCharCode(97 + (writer + sequence) % 26));
}
