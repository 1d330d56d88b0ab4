/** The state machine fails in the middle of an entry. */
import assert from "node:assert/strict";
import { loadSqlEngine } from "../../../core/io/sqljs.ts";
import type { SqlDatabase, SqlEngine, SqlParameters, SqlRows } from "../../../core/seams/sql_database.ts";
import { playScenario } from "../lab.ts";
import { InjectedError } from "../disk.ts";
import { sqlFsm } from "../sql_machine.ts";

/** A library whose `failAt`-th statement from now does not come back. */
class FailingEngine implements SqlEngine {
  readonly #inner: SqlEngine;
  failAt = Infinity;
  hasFailed = false;

  constructor(inner: SqlEngine) {
    this.#inner = inner;
  }

  get version(): string {
    return this.#inner.version;
  }

  open(image?: Uint8Array): SqlDatabase {
    const database = this.#inner.open(image);
    return {
      run: (sql: string, parameters?: SqlParameters): SqlRows => {
        if (--this.failAt === 0) {
          this.hasFailed = true;
          throw new InjectedError("the machine fails");
        }
        return database.run(sql, parameters);
      },
      changes: () => database.changes(),
      export: () => database.export(),
      [Symbol.dispose]: () => database[Symbol.dispose](),
    };
  }
}

Deno.test("apply: a process that ends between any two statements leaves no entry out and repeats none (etcd 13766)", async () => {
  const library = await loadSqlEngine();
  let failures = 0;
  for (let statement = 1; statement <= 24; statement++) {
    const engine = new FailingEngine(library);
    const plan = { snapshots: { entryCount: 4, logBytes: 1 << 20, trailingEntryCount: 0 } };
    await playScenario({ voters: 1, fsm: sqlFsm(engine), plan, seed: statement }, (lab) => {
      lab.until("it leads", () => lab.leads(1) && lab.hasCommittedInTerm(1));
      for (let key = 1; key <= 3; key++) lab.written(1, key, key);
      engine.failAt = statement;
      const answers = [4, 5, 6, 7].map((key) => ({ key, answer: lab.write(1, key, key) }));
      lab.run(100);
      if (!engine.hasFailed) return;
      failures++;
      engine.failAt = Infinity;
      if (lab.member(1).state !== "up") lab.restart(1);
      lab.until("it leads", () => lab.leads(1) && lab.hasCommittedInTerm(1));
      for (let key = 1; key <= 3; key++) assert.equal(lab.process(1).machine.lookup(key), key);
      for (const { key, answer } of answers) {
        const found = lab.process(1).machine.lookup(key);
        assert(found === key || (found === 0 && answer.error !== undefined), `key ${key} is ${found}`);
      }
    });
  }
  assert(failures > 10, `${failures} failures`);
});
