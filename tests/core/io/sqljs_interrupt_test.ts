/**
 * Statements that are stopped, and libraries that cannot be.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import initSqlJs from "sql.js";
import {
  type InterruptibleDatabase,
  type InterruptibleLibrary,
  KNOWN_SQLITE_VERSION,
  LOOK_INSTRUCTIONS,
  SqlInterrupt,
} from "../../../core/io/sqljs_interrupt.ts";

const ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
const options = { useOldExtensionFunctions: false };

Deno.test("SqlInterrupt: a statement goes on until it must stop, and the database is as good as before", async () => {
  const library: InterruptibleLibrary = await initSqlJs(options);
  let looksLeft = Infinity;
  const interrupt = new SqlInterrupt(library, () => --looksLeft < 0);
  const database = new library.Database();
  interrupt.watch(database);
  database.exec("CREATE TABLE t (a); INSERT INTO t VALUES (7)");
  looksLeft = 25;
  assert.throws(() => database.exec(ENDLESS), /^Error: interrupted$/);
  assert.equal(looksLeft, -1, "stopped at once");
  looksLeft = Infinity;
  assert.deepEqual(database.exec("SELECT a FROM t")[0]?.values, [[7]]);
  const long = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${10 * LOOK_INSTRUCTIONS})
    SELECT count(*) FROM n`;
  assert.deepEqual(database.exec(long)[0]?.values, [[10 * LOOK_INSTRUCTIONS]]);
  assert.deepEqual(database.exec("PRAGMA integrity_check")[0]?.values, [["ok"]]);
  database.close();
});

Deno.test("SqlInterrupt: another version of SQLite, or one that does not ask, is refused", async () => {
  const library: InterruptibleLibrary = await initSqlJs(options);
  const answering = (version: string): InterruptibleLibrary => ({
    addFunction: () => 1,
    writeArrayToMemory: () =>
      assert.equal(version, KNOWN_SQLITE_VERSION, "the memory of another version stays as it is"),
    Database: class implements InterruptibleDatabase {
      readonly db = 0;
      exec = () => [{ values: [[version]] }];
      close(): void {}
    },
  });
  assert.throws(() => new SqlInterrupt(answering("3.54.0"), () => true), /3\.54\.0 cannot be stopped/);
  assert.throws(() => new SqlInterrupt(answering(KNOWN_SQLITE_VERSION), () => true), /does not ask/);
  const elsewhere: InterruptibleLibrary = {
    Database: library.Database,
    addFunction: library.addFunction,
    writeArrayToMemory: () => {},
  };
  assert.throws(() => new SqlInterrupt(elsewhere, () => true), /does not ask/);
});
