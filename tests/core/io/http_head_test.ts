import assert from "node:assert/strict";
import { HTTP_HEAD_BYTES_MAX, readHttpHead } from "../../../core/io/http_head.ts";

const read = (text: string) => readHttpHead(Uint8Array.from(text, (character) => character.charCodeAt(0)));

Deno.test("readHttpHead: method, target, fields, and where the body is", () => {
  const head = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length:  3 \r\nEmpty:\r\n\r\n";
  assert.deepEqual(read(`${head}abc`), {
    kind: "request",
    method: "POST",
    target: "/a?b=c",
    fields: [["host", "x"], ["content-length", "3"], ["empty", ""]],
    headBytes: head.length,
    bodyBytes: 3,
  });
  assert.equal(read("GET / HTTP/1.0\n\n").kind, "request");
});

Deno.test("readHttpHead: what has not ended waits, up to the limit", () => {
  const start = "GET / HTTP/1.1\r\nX: ";
  assert.equal(read(start + "a".repeat(HTTP_HEAD_BYTES_MAX - start.length - 1)).kind, "incomplete");
  assert.deepEqual(read(start + "a".repeat(HTTP_HEAD_BYTES_MAX - start.length)), { kind: "refused", status: 431 });
  const whole = (bytes: number) => `${start}${"a".repeat(bytes - start.length - 4)}\r\n\r\n`;
  assert.equal(read(whole(HTTP_HEAD_BYTES_MAX)).kind, "request");
  assert.deepEqual(read(whole(HTTP_HEAD_BYTES_MAX + 1)), { kind: "refused", status: 431 });
});

Deno.test("readHttpHead: what is no request of HTTP/1 is refused", () => {
  const lines = [
    "PRI * HTTP/2.0",
    "GET metrics HTTP/1.1",
    "GET /\0 HTTP/1.1",
    "",
    "\xff\xfe",
    "GET / HTTP/1.1 x",
    "get / HTTP/1.1",
  ];
  for (const line of lines) assert.deepEqual(read(`${line}\r\n\r\n`), { kind: "refused", status: 400 }, line);
  const fields = [
    "no colon",
    ": no name",
    "a b: c",
    "a : b",
    " folded: x",
    "x: \0",
    "content-length: -1",
    "content-length: 1, 1",
  ];
  const more = ["content-length: 1\r\ncontent-length: 1", "content-length: 9999999999999999"];
  for (const field of [...fields, ...more]) {
    assert.deepEqual(read(`POST / HTTP/1.1\r\n${field}\r\n\r\n`), { kind: "refused", status: 400 }, field);
  }
});

Deno.test("readHttpHead: a body without a length is refused", () => {
  assert.deepEqual(read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), { kind: "refused", status: 411 });
});
