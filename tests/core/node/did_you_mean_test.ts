import assert from "node:assert/strict";
import { didYouMean, suggestion } from "../../../core/node/did_you_mean.ts";

Deno.test("didYouMean: finds the near name and nothing far", () => {
  assert.equal(didYouMean("mesh-dsn", ["mesh-dns", "mesh-api"]), "mesh-dns");
  assert.equal(didYouMean("quantum", ["mesh-dns", "mesh-api"]), undefined);
  assert.equal(suggestion("x", []), "");
});
