import assert from "node:assert/strict";
import { HEAD_BYTES_MAX, readHead } from "../../../plugins/metrics/request_head.ts";

const read = (text: string) => readHead(new TextEncoder().encode(text));

Deno.test("readHead: GET and HEAD with a path, the query left out", () => {
  assert.deepEqual(read("GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n\r\n"), {
    kind: "get",
    path: "/metrics",
    withBody: true,
  });
  assert.deepEqual(read("HEAD / HTTP/1.0\n\n"), { kind: "get", path: "/", withBody: false });
});

Deno.test("readHead: what has not ended waits, up to the limit", () => {
  const start = "GET / HTTP/1.1\r\nX: ";
  assert.equal(read(start + "a".repeat(HEAD_BYTES_MAX - start.length - 1)).kind, "incomplete");
  assert.deepEqual(read(start + "a".repeat(HEAD_BYTES_MAX - start.length)), { kind: "refused", status: 431 });
});

Deno.test("readHead: other methods and other protocols are refused", () => {
  assert.deepEqual(read("POST / HTTP/1.1\r\n\r\n"), { kind: "refused", status: 405 });
  for (
    const line of ["PRI * HTTP/2.0", "GET metrics HTTP/1.1", "GET /\0 HTTP/1.1", "", "\xff\xfe", "GET / HTTP/1.1 x"]
  ) {
    assert.deepEqual(read(`${line}\r\n\r\n`), { kind: "refused", status: 400 }, line);
  }
});
