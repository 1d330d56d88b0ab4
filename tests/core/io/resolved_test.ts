import assert from "node:assert/strict";
import { ResolvedLink } from "../../../core/io/resolved.ts";
import { MeshError } from "../../../core/plugin/errors.ts";

/** A directory with a resolvectl that writes down what it is told. */
function paperResolved(exitCode = 0) {
  const folder = Deno.makeTempDirSync({ prefix: "weft-resolved-" });
  const program = `${folder}/resolvectl`;
  Deno.writeTextFileSync(program, `#!/bin/sh\necho "$*" >>${folder}/calls\necho no such link >&2\nexit ${exitCode}\n`);
  Deno.chmodSync(program, 0o755);
  const calls = () => {
    try {
      return Deno.readTextFileSync(`${folder}/calls`).trim().split("\n");
    } catch {
      return [];
    }
  };
  return { folder, program, calls, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

const ROUTE = {
  domains: ["webmesh.internal"],
  servers: [{ host: "10.83.0.1", port: 5353 }, { host: "fd00::1", port: 5353 }],
};

Deno.test("ResolvedLink: routes a domain, and takes it back once", async () => {
  using resolved = paperResolved();
  const link = new ResolvedLink("weft0", resolved.folder, [resolved.program]);
  await link.restore();
  assert.deepEqual(resolved.calls(), []);
  await link.route(ROUTE);
  await link[Symbol.asyncDispose]();
  await link.restore();
  assert.deepEqual(resolved.calls(), [
    "dns weft0 10.83.0.1:5353 [fd00::1]:5353",
    "domain weft0 ~webmesh.internal",
    "revert weft0",
  ]);
});

Deno.test("ResolvedLink: what a dead process said is taken back at the next start, whatever the journal looks like", async () => {
  using resolved = paperResolved();
  await new ResolvedLink("weft7", resolved.folder, [resolved.program]).route(ROUTE);
  await new ResolvedLink("weft0", resolved.folder, [resolved.program]).restore();
  assert.equal(resolved.calls().at(-1), "revert weft7");
  for (const torn of ["", "{", '{"interface":"--help"}', '{"interface":7}']) {
    Deno.writeTextFileSync(`${resolved.folder}/resolved.json`, torn);
    await new ResolvedLink("weft0", resolved.folder, [resolved.program]).restore();
    assert.equal(resolved.calls().at(-1), "revert weft0");
  }
});

Deno.test("ResolvedLink: says why it cannot, and an interface that is gone needs no undoing", async () => {
  using resolved = paperResolved(1);
  const link = new ResolvedLink("weft0", resolved.folder, [resolved.program]);
  await assert.rejects(link.route(ROUTE), /refused \(dns\): no such link/);
  await link.restore();
  assert.throws(() => Deno.statSync(`${resolved.folder}/resolved.json`), Deno.errors.NotFound);
  await assert.rejects(new ResolvedLink("weft0", resolved.folder, []).route(ROUTE), MeshError);
});
