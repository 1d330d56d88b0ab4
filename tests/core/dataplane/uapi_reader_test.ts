import { strict as assert } from "node:assert";
import fc from "fast-check";
import { UAPI_LIMITS, type UapiLimits, UapiReader, type UapiRequest } from "../../../core/dataplane/uapi_reader.ts";
import { UAPI_ERRNO } from "../../../core/dataplane/uapi_refusal.ts";

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** All requests of one stream, its end included. */
function read(stream: string | Uint8Array, limits: UapiLimits = UAPI_LIMITS): UapiRequest[] {
  const reader = new UapiReader(limits);
  const requests = reader.push(typeof stream === "string" ? bytesOf(stream) : stream);
  const last = reader.end();
  return last ? [...requests, last] : requests;
}

/** The number and text of the only request's refusal. */
function refused(requests: UapiRequest[]): [errno: number, why: string] {
  const [request, ...others] = requests;
  assert.ok(request?.kind === "refused" && others.length === 0, JSON.stringify(requests));
  return [request.refusal.errno, request.refusal.why];
}

Deno.test("UapiReader: requests follow each other on one connection", () => {
  assert.deepEqual(read("get=1\n\nset=1\na=b\nc=\n\nset=1\n\nget=1\n\n"), [
    { kind: "get" },
    { kind: "set", lines: ["a=b", "c="] },
    { kind: "set", lines: [] },
    { kind: "get" },
  ]);
  assert.deepEqual(read(""), []);
});

Deno.test("UapiReader: it does not matter how the stream is cut", () => {
  const stream = bytesOf("set=1\nlisten_port=5\npublic_key=zz\n\nget=1\nx\n\nget=1\n\nset=1\nhalf");
  const whole = read(stream);
  assert.deepEqual(whole.map(({ kind }) => kind), ["set", "refused", "get", "refused"]);
  fc.assert(fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
    const reader = new UapiReader();
    const edges = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
    const requests = edges.slice(1).flatMap((edge, index) => reader.push(stream.subarray(edges[index], edge)));
    assert.deepEqual([...requests, reader.end()], whole);
  }));
});

Deno.test("UapiReader: what is no operation is nonsense, and so is everything behind it", () => {
  for (const first of ["", "get", "get=2", "set=1 ", "GET=1", "set=1\r", "\0", "x".repeat(257), "x".repeat(1e6)]) {
    assert.deepEqual(read(`${first}\nget=1\n\n`), [{ kind: "nonsense" }], JSON.stringify(first.slice(0, 10)));
  }
  const reader = new UapiReader();
  reader.push(bytesOf("?\n"));
  assert.deepEqual(reader.push(bytesOf("get=1\n\n")), []);
  assert.equal(reader.end(), undefined);
});

Deno.test("UapiReader: a get with lines is refused at its end, and the next request is understood", () => {
  const [first, second] = read("get=1\nkey=value\n\nget=1\n\n");
  assert.ok(first?.kind === "refused" && first.operation === "get");
  assert.deepEqual(first.refusal, {
    kind: "refusal",
    errno: UAPI_ERRNO.EINVAL,
    why: "line 2: a get has no lines of its own",
  });
  assert.deepEqual(second, { kind: "get" });
});

Deno.test("UapiReader: a line may have so many bytes, and one more is refused without being kept", () => {
  const { lineBytesMax } = UAPI_LIMITS;
  assert.deepEqual(read(`set=1\n${"x".repeat(lineBytesMax)}\n\n`), [{
    kind: "set",
    lines: ["x".repeat(lineBytesMax)],
  }]);
  assert.deepEqual(refused(read(`set=1\na=b\n${"x".repeat(lineBytesMax + 1)}\na=b\n\n`)), [
    UAPI_ERRNO.EPROTO,
    "line 3 is longer than 256 bytes",
  ]);
});

Deno.test("UapiReader: a request may have so many bytes, and the one after it has as many", () => {
  const limits = { ...UAPI_LIMITS, requestBytesMax: 14 };
  assert.equal(read("set=1\na=1\nb=2\n\nset=1\na=1\nb=2\n\n", limits).filter(({ kind }) => kind === "set").length, 2);
  assert.deepEqual(refused(read("set=1\na=1\nb=22\n\n", limits)), [
    UAPI_ERRNO.E2BIG,
    "the request is longer than 14 bytes",
  ]);
});

Deno.test("UapiReader: bytes that are no text are refused, never guessed at", () => {
  for (const byte of [0, 9, 13, 0x1f, 0x7f, 0x80, 0xff]) {
    const stream = Uint8Array.from([...bytesOf("set=1\na="), byte, ...bytesOf("\n\n")]);
    assert.deepEqual(refused(read(stream)), [UAPI_ERRNO.EPROTO, "line 2 has bytes that are not printable ASCII"]);
  }
});

Deno.test("UapiReader: a request that the end of the stream cuts off is not carried out", () => {
  for (const stream of ["set=1\n", "set=1\na=b", "set=1\na=b\n", "get=1\n"]) {
    assert.equal(refused(read(stream))[0], UAPI_ERRNO.EPROTO, stream);
  }
  assert.deepEqual(read("set"), [], "no request has begun");
});

Deno.test("UapiReader: garbage never throws, and every request ends in one answer at most", () => {
  const piece = fc.oneof(
    fc.constantFrom("set=1", "get=1", "\n", "\n\n", "=", "public_key=", "errno=0"),
    fc.string({ unit: "binary", maxLength: 400 }),
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
    const stream = pieces.join("");
    const requests = read(stream);
    assert.ok(requests.length <= stream.split("\n").length);
    const nonsense = requests.findIndex(({ kind }) => kind === "nonsense");
    assert.ok(nonsense < 0 || nonsense === requests.length - 1);
    for (const request of requests) {
      if (request.kind !== "set") continue;
      for (const line of request.lines) assert.match(line, /^[ -~]{1,256}$/);
    }
  }));
});
