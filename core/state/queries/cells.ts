/**
 * Typed access to the cells of a row: what the schema promises is asserted once, here.
 *
 * @module
 */
import { assert } from "../../assert.ts";
import type { SqlValue } from "../../seams/sql_database.ts";

/** One row as the engine gives it. */
export type Row = readonly SqlValue[];

/** A TEXT NOT NULL cell. */
export function text(cell: SqlValue | undefined): string {
  assert(typeof cell === "string", "A TEXT column holds text");
  return cell;
}

/** An INTEGER NOT NULL cell. */
export function integer(cell: SqlValue | undefined): number {
  assert(typeof cell === "number", "An INTEGER column holds a number");
  return cell;
}

/** An INTEGER cell that may be NULL. */
export function optionalInteger(cell: SqlValue | undefined): number | undefined {
  return cell === null ? undefined : integer(cell);
}
