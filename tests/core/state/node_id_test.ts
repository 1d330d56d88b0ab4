import { strict as assert } from "node:assert";
import { NODE_ID_CHARACTERS_MAX } from "../../../core/state/limits.ts";
import { nodeName, validateNodeId } from "../../../core/state/node_id.ts";

Deno.test("validateNodeId: letters, digits and - _ . between letters or digits", () => {
  for (const id of ["a", "7", "A1", "web-1", "db_2.eu-west", "xn--bcher-kva", "x".repeat(NODE_ID_CHARACTERS_MAX)]) {
    assert.equal(validateNodeId(id), undefined, id);
  }
});

Deno.test("validateNodeId: everything else has a reason", () => {
  const bad = [
    "",
    "x".repeat(NODE_ID_CHARACTERS_MAX + 1),
    "-a",
    "a-",
    ".a",
    "a.",
    "_a",
    "a_",
    "a..b",
    "a b",
    "a,b",
    "a/b",
  ];
  for (const id of [...bad, "a\n", "\na", "ä", "a*", "a\0", "\u212a", "${x}"]) {
    assert.equal(typeof validateNodeId(id), "string", JSON.stringify(id));
  }
});

Deno.test("nodeName: ids that differ in case are one name", () => {
  assert.equal(nodeName("Web-1"), nodeName("wEB-1"));
});
