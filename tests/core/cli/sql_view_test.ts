import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { PLAIN_LAYOUT } from "../../../core/cli/format.ts";
import { queryCsv, queryJson, queryLines, truncationText } from "../../../core/cli/sql_view.ts";
import { QueryResponseSchema } from "../../../proto/gen/weft/v1/control_pb.ts";

const ANSWER: MessageInitShape<typeof QueryResponseSchema> = {
  columns: ["a", "b,c"],
  rows: [
    { values: [{ kind: { case: "integer", value: 9007199254740993n } }, {}] },
    { values: [{ kind: { case: "real", value: 1.5 } }, { kind: { case: "text", value: 'x"\u001b[31m\n' } }] },
    { values: [{ kind: { case: "blob", value: Uint8Array.of(1, 255) } }, { kind: { case: "text", value: "" } }] },
  ],
  appliedIndex: 7n,
};

const answer = create(QueryResponseSchema, ANSWER);

Deno.test("queryLines: a table that cannot drive the terminal", () => {
  assert.deepEqual(queryLines(answer, PLAIN_LAYOUT), [
    "a                 b,c",
    "9007199254740993  NULL",
    '1.5               x"?[31m?',
    "x'01ff'           -",
  ]);
  assert.deepEqual(queryLines(create(QueryResponseSchema, { columns: ["a"] }), PLAIN_LAYOUT), ["a"]);
});

Deno.test("queryJson: no integer loses a digit, blobs are base64", () => {
  assert.deepEqual(queryJson(answer), {
    columns: ["a", "b,c"],
    rows: [["9007199254740993", null], [1.5, 'x"\u001b[31m\n'], [{ base64: "Af8=" }, ""]],
    truncated: null,
    appliedIndex: 7,
  });
});

Deno.test("queryCsv: quoted where needed; NULL and an empty text differ", () => {
  assert.equal(queryCsv(answer, false), 'a,"b,c"\n9007199254740993,\n1.5,"x""\u001b[31m\n"\n01ff,""\n');
  assert(!queryCsv(answer, true).includes("\u001b"));
});

Deno.test("truncationText: says why rows are missing, where they are", () => {
  assert.equal(truncationText(answer), undefined);
  for (const truncated of ["rows", "bytes"]) {
    assert.match(truncationText(create(QueryResponseSchema, { ...ANSWER, truncated })) ?? "", /only the first 3 rows/);
  }
});
