import { strict as assert } from "node:assert";
import {
  ENTRY_BYTES_MAX,
  NODE_ID_CHARACTERS_MAX,
  PARAMETER_COUNT_MAX,
  PARAMETER_UNITS_MAX,
  RAFT_ACL_CHARACTERS_MAX,
  SQL_UNITS_MAX,
} from "../../../core/state/limits.ts";

Deno.test("limits: they decide what is refused, so they are the same in every version", () => {
  assert.deepEqual(
    [ENTRY_BYTES_MAX, SQL_UNITS_MAX, PARAMETER_COUNT_MAX, PARAMETER_UNITS_MAX],
    [262_144, 65_536, 64, 16_384],
  );
  assert.equal(NODE_ID_CHARACTERS_MAX, 63);
  assert(RAFT_ACL_CHARACTERS_MAX >= NODE_ID_CHARACTERS_MAX);
});
