import { strict as assert } from "node:assert";
import fc from "fast-check";
import { type BindingLibrary, findStatementPointer, SqlBinder } from "../../../core/io/sqljs_binder.ts";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import { type SqlArgument, SqlError, SqlText } from "../../../core/seams/sql_database.ts";

const engine = await loadSqlEngine();
const encoder = new TextEncoder();

/** Remembers what was bound, as SQLite would find it when a statement runs. */
class Recorder implements BindingLibrary {
  readonly memory = new Uint8Array(16 << 20);
  readonly bound = new Map<number, () => unknown>();
  hasMemory = true;
  refuses = false;
  readonly #free: number[] = [];
  #next = 8;

  get freed(): readonly number[] {
    return this.#free;
  }

  _malloc(bytes: number): number {
    if (!this.hasMemory) return 0;
    const pointer = this.#next;
    this.#next += bytes;
    return pointer;
  }

  _free(pointer: number): void {
    this.#free.push(pointer);
  }

  writeArrayToMemory(bytes: Uint8Array, pointer: number): void {
    this.memory.set(bytes, pointer);
  }

  UTF8ToString(pointer: number): string {
    return `text ${pointer}`;
  }

  _sqlite3_sql(statement: number): number {
    return statement;
  }

  _sqlite3_reset(): number {
    return 0;
  }

  _sqlite3_bind_text(_: number, place: number, text: number, bytes: number): number {
    return this.#bind(place, () => new TextDecoder().decode(this.memory.subarray(text, text + bytes)));
  }

  _sqlite3_bind_blob(_: number, place: number, blob: number, bytes: number): number {
    return this.#bind(place, () => blob === 0 ? null : this.memory.slice(blob, blob + bytes));
  }

  _sqlite3_bind_int(_: number, place: number, value: number): number {
    return this.#bind(place, () => value | 0);
  }

  _sqlite3_bind_double(_: number, place: number, value: number): number {
    return this.#bind(place, () => value);
  }

  #bind(place: number, read: () => unknown): number {
    if (this.refuses) return 1;
    this.bound.set(place, read);
    return 0;
  }
}

function bind(binder: SqlBinder, library: Recorder, values: readonly SqlArgument[]): unknown[] {
  const names = values.map((_, i) => `p${i}`);
  assert.equal(binder.bind(1, names, Object.fromEntries(values.map((value, i) => [`p${i}`, value]))), true);
  return values.map((_, i) => library.bound.get(i + 1)?.());
}

Deno.test("SqlBinder: binds what it is given, in any mixture and again and again", () => {
  const library = new Recorder();
  const binder = new SqlBinder(library);
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.constantFrom("", "\0", "ä".repeat(15), "a".repeat(15) + "ä", "\u{1f600}".repeat(10)),
  );
  const value: fc.Arbitrary<SqlArgument> = fc.oneof(
    text,
    text.map((text) => new SqlText(encoder.encode(text))),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 30 }),
  );
  fc.assert(fc.property(fc.array(value, { maxLength: 6 }), (values) => {
    const expected = values.map((value) => value instanceof SqlText ? new TextDecoder().decode(value.utf8) : value);
    assert.deepEqual(bind(binder, library, values), expected);
  }));
});

Deno.test("SqlBinder: the buffer grows with what is bound, and does not stay large", () => {
  const library = new Recorder();
  const binder = new SqlBinder(library);
  const large = "x".repeat(1 << 20);
  const largeText = new SqlText(encoder.encode(large));
  assert.deepEqual(bind(binder, library, ["a", largeText, large]), ["a", large, large]);
  assert.deepEqual(bind(binder, library, ["b"]), ["b"]);
  assert.deepEqual(bind(binder, library, ["c"]), ["c"]);
  // The first call has nothing to give back but the null pointer, the second the large buffer, the third nothing.
  assert.deepEqual(library.freed, [0, 8]);
});

Deno.test("SqlBinder: without memory it says so, and goes on once there is some", () => {
  const library = new Recorder();
  const binder = new SqlBinder(library);
  library.hasMemory = false;
  assert.throws(() => bind(binder, library, ["a"]), { message: "out of memory" });
  library.hasMemory = true;
  assert.deepEqual(bind(binder, library, ["a"]), ["a"]);
});

Deno.test("SqlBinder: says what SQLite refuses, and what is missing", () => {
  const library = new Recorder();
  const binder = new SqlBinder(library);
  assert.throws(() => binder.bind(1, ["a", "b"], { a: 1 }), new SqlError("parameter is missing: b"));
  library.refuses = true;
  for (const value of ["text", new SqlText(encoder.encode("text")), 1, 2 ** 40, null, new Uint8Array(3)]) {
    assert.equal(binder.bind(1, ["a"], { a: value }), false);
  }
});

Deno.test("findStatementPointer: the number that differs, if SQLite knows it", () => {
  const library = new Recorder();
  const pointerOf = findStatementPointer(library, [{ x: 16, y: 1, z: {} }, { x: 32, y: 1, z: {} }], "text 16");
  assert.equal(pointerOf({ x: 48, y: 2 }), 48);
  const wrong = { message: /^sql\.js is not of the version/ };
  assert.throws(() => findStatementPointer(library, [{ x: 16 }, { x: 32 }], "SELECT 1"), wrong);
  assert.throws(() => findStatementPointer(library, [{ x: 16, y: 1 }, { x: 32, y: 2 }], "text 16"), wrong);
  assert.throws(() => findStatementPointer(library, [{ x: "16" }, { x: "32" }], "text 16"), wrong);
});

Deno.test("SqlText: SQLite gets the same text as from a string", () => {
  using database = engine.open();
  database.run("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT");
  for (const [k, text] of ["", "a", "ä\u{1f600}\0x", "long ".repeat(20_000)].entries()) {
    database.run("INSERT INTO t (k, v) VALUES (:k, :v)", { k, v: new SqlText(encoder.encode(text)) });
    const sql = "SELECT v, typeof(v), v = :v, length(CAST(v AS BLOB)) FROM t WHERE k = :k AND v = :v";
    assert.deepEqual(database.run(sql, { k, v: text }).rows, [[text, "text", 1, encoder.encode(text).length]]);
  }
});

Deno.test("SqlBinder: what another statement was given meanwhile does no harm to the rows of the first", () => {
  using database = engine.open();
  database.run("CREATE TABLE t (v TEXT) STRICT");
  const first = "INSERT INTO t (v) VALUES (:v) RETURNING v";
  assert.deepEqual(database.run(first, { v: "one" }).rows, [["one"]]);
  assert.deepEqual(database.run("SELECT :v || :w", { v: "other", w: "x".repeat(20_000) }).rows.length, 1);
  // The schema has changed: SQLite prepares the statement again, with what is bound.
  database.run("ALTER TABLE t ADD COLUMN w TEXT");
  assert.deepEqual(database.run(first, { v: "two" }).rows, [["two"]]);
  assert.deepEqual(database.run("SELECT v, w FROM t ORDER BY v").rows, [["one", null], ["two", null]]);
});
