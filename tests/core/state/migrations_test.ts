import { strict as assert } from "node:assert";
import { entrySqlProblem } from "../../../core/state/determinism.ts";
import { MIGRATIONS, migrationSql, SCHEMA_VERSION } from "../../../core/state/migrations.ts";
import { SCHEMA_1_SQL } from "../../../core/state/schema.ts";

Deno.test("MIGRATIONS: the first is the schema, the version is their number", () => {
  assert.equal(MIGRATIONS[0], SCHEMA_1_SQL);
  assert.equal(SCHEMA_VERSION, MIGRATIONS.length);
});

Deno.test("migrationSql: every version may stand in a log entry", () => {
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    assert.equal(entrySqlProblem(migrationSql(version) ?? ""), undefined, `version ${version}`);
  }
});

Deno.test("migrationSql: is as it was released, because two meshes of one version have one schema", async () => {
  const released = [
    "66e6be46e8795332962def32d16f77ec3a6a89ec661a2c62afde7d8abe18e530",
    "277c3280a69ecd537750e0bc5733db6c6920480c5543458a9a58573459253075",
  ];
  assert.equal(released.length, SCHEMA_VERSION);
  for (const [index, digest] of released.entries()) {
    const text = new TextEncoder().encode(migrationSql(index + 1));
    assert.equal(new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex(), digest);
  }
});

Deno.test("migrationSql: there is no other version", () => {
  for (const version of [-1, 0, SCHEMA_VERSION + 1, 1.5]) assert.equal(migrationSql(version), undefined);
});
