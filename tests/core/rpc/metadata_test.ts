/**
 * Tests for `core/rpc/metadata.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Metadata } from "@grpc/grpc-js";
import { fieldsBytes, fromFields, fromGrpc, setAll, toGrpc } from "../../../core/rpc/metadata.ts";

Deno.test("fromGrpc: joins the values of a repeated name", () => {
  const metadata = new Metadata();
  metadata.add("colour", "red");
  metadata.add("colour", "blue");
  assert.deepEqual(fromGrpc(metadata), new Map([["colour", "red,blue"]]));
});

Deno.test("fromGrpc: keeps binary values and gRPC's own metadata, leaves fields of the transport out", () => {
  const metadata = new Metadata();
  metadata.add("trace-bin", Buffer.from([1]));
  metadata.add("trace-bin", Buffer.from([0xff, 0xfe, 0xfd]));
  metadata.set("grpc-status-details-bin", Buffer.from("why"));
  metadata.set("grpc-previous-rpc-attempts", "2");
  metadata.set("kept", "yes");
  for (const name of ["content-type", "content-length", "grpc-encoding", "grpc-timeout", "grpc-status", "te", "host"]) {
    metadata.set(name, "x");
  }
  assert.deepEqual(
    fromGrpc(metadata),
    new Map([
      ["trace-bin", "AQ,//79"],
      ["grpc-status-details-bin", "d2h5"],
      ["grpc-previous-rpc-attempts", "2"],
      ["kept", "yes"],
    ]),
  );
  assert.deepEqual(toGrpc(fromGrpc(metadata)).get("trace-bin"), metadata.get("trace-bin"));
});

Deno.test("toGrpc: a binary value is base64 with or without padding, or a bug", () => {
  assert.deepEqual(toGrpc([["X-Bin", "AQ==, AQ"]]).get("x-bin"), [Buffer.from([1]), Buffer.from([1])]);
  for (const value of ["é", "A", "A=", "*"]) assert.throws(() => toGrpc([["x-bin", value]]), TypeError, value);
});

Deno.test("toGrpc: replaces what a field cannot carry, so that it never throws on a value", () => {
  const metadata = toGrpc([["hint", " Grüße\r\nx: y – 🙂 "]]);
  assert.deepEqual(metadata.get("hint"), ["Gr??e??x: y ? ?"]);
});

Deno.test("toGrpc: a name that a field cannot have is the programmer's error", () => {
  assert.throws(() => toGrpc([["not a name", "1"]]));
});

Deno.test("setAll: replaces, it does not add", () => {
  const metadata = toGrpc([["a", "1"], ["b", "1"]]);
  setAll(metadata, [["a", "2"]]);
  assert.deepEqual([metadata.get("a"), metadata.get("b")], [["2"], ["1"]]);
});

Deno.test("fieldsBytes: counts name, value and 32 bytes per field, as HTTP/2 does, and metadata alone", () => {
  assert.equal(fieldsBytes({ ":path": "/a", "te": "trailers", "grpc-timeout": "1S" }), 0);
  const fields = { "ab": "cde", "x-bin": "AAA=", "content-type": "application/grpc" };
  assert.equal(fieldsBytes(fields), (2 + 3 + 32) + (5 + 3 + 32));
});

Deno.test("fromFields: keeps what is metadata, binary values without padding", () => {
  const fields = { ":path": "/a", "te": "trailers", "kept": "a, b", "trace-bin": "AQ==, //79", "bad-bin": "%%%" };
  assert.deepEqual(fromFields(fields), new Map([["kept", "a, b"], ["trace-bin", "AQ,//79"], ["bad-bin", ""]]));
});
