import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ENCODED_ANSWERS_MAX,
  ENCODED_QUESTION_BYTES_MAX,
  EncodedAnswers,
} from "../../../plugins/mesh_dns/encoded_answers.ts";
import { UDP_ERRORS_BURST, UDP_ERRORS_PER_S } from "../../../plugins/mesh_dns/error_budget.ts";
import { SourceFilter, SOURCES_REMEMBERED_MAX } from "../../../plugins/mesh_dns/source_filter.ts";
import {
  ARRIVAL,
  edns,
  network,
  paperNode,
  paperServer,
  paperZone,
  queryBytes,
  readAnswer,
  texts,
} from "./paper_mesh.ts";

const NAME = "a.webmesh.internal";
const TC = 0x200;
const AA = 0x400;

Deno.test("Responder: kept answers are the slow ones to the byte, with the asker's id and letters", () => {
  const server = paperServer();
  const names = [
    NAME,
    "A.WEBMESH.internal",
    "www.a.webmesh.internal",
    "nobody.webmesh.internal",
    "leader.webmesh.internal",
  ];
  for (let round = 0; round < 3; round++) {
    for (const name of names) {
      for (const type of ["A", "AAAA", "TXT", "SOA"]) {
        for (const more of [{}, edns(1232), edns(512, { flags: 0x8000 }), { flags: 0 }]) {
          const spelled = round === 1 ? name.toUpperCase() : name;
          const bytes = queryBytes(spelled, type, { ...more, id: round * 1000 + 1 });
          assert.deepEqual(server.respond(bytes, ARRIVAL), server.respondSlowly(bytes, ARRIVAL));
        }
      }
    }
  }
  assert(server.keptCount > 40);
  server.zone = paperZone({ nodes: [] });
  assert.equal(server.keptCount, 0);
  assert.equal(readAnswer(server.respond(queryBytes(NAME, "A"), ARRIVAL)).rcode, "NXDOMAIN");
});

Deno.test("EncodedAnswers: never more than its slots, and no question that is too long", () => {
  const answers = new EncodedAnswers();
  for (let index = 0; index < 3 * ENCODED_ANSWERS_MAX; index++) {
    answers.find(queryBytes(`n${index}.webmesh.internal`, "A"));
    answers.keep(new Uint8Array(12), 0);
  }
  assert(answers.size > ENCODED_ANSWERS_MAX / 2 && answers.size <= ENCODED_ANSWERS_MAX);
  answers.clear();
  answers.find(new Uint8Array(ENCODED_QUESTION_BYTES_MAX + 3));
  answers.keep(new Uint8Array(12), 0);
  assert.equal(answers.size, 0);
});

Deno.test("Responder: sizes: 512 bytes without EDNS, what the client takes, at most 1232; the rest over TCP", () => {
  const nodes = Array.from({ length: 400 }, (_, index) => paperNode(`node-${index}`, index + 1));
  const server = paperServer({ zone: paperZone({ nodes }) });
  const ask = (more: Record<string, unknown>, transport: "udp" | "tcp" = "udp") => {
    const response = server.respond(queryBytes("_grpc._tcp.webmesh.internal", "SRV", more), { ...ARRIVAL, transport });
    assert(response.kind === "answer");
    const { answers, flags, additionals } = readAnswer(response);
    return { bytes: response.bytes.length, count: answers.length, isCut: (flags & TC) !== 0, additionals };
  };
  assert.deepEqual(ask({}), { bytes: 45, count: 0, isCut: true, additionals: [] });
  assert.equal(ask(edns(65_535)).isCut, true);
  const whole = ask({}, "tcp");
  assert.deepEqual([whole.count, whole.isCut], [400, false]);
  const few = paperServer({ zone: paperZone({ nodes: nodes.slice(0, 12) }) });
  const fits = (size: number) =>
    readAnswer(few.respond(queryBytes("_grpc._tcp.webmesh.internal", "SRV", edns(size)), ARRIVAL));
  assert.equal(fits(1).flags & TC, TC);
  assert.deepEqual([fits(1232).flags & TC, fits(1232).answers.length], [0, 12]);
  // What nobody asked for is left out without a word.
  assert(fits(700).additionals.length < fits(1232).additionals.length);
});

Deno.test("Responder: names are compressed, the question's letters come back everywhere", () => {
  const response = paperServer().respond(queryBytes("LEADER.webmesh.INTERNAL", "A"), ARRIVAL);
  assert(response.kind === "answer");
  assert.deepEqual(texts(readAnswer(response).answers), [
    "LEADER.webmesh.INTERNAL CNAME a.webmesh.INTERNAL",
    "a.webmesh.INTERNAL A 10.83.0.1",
  ]);
  assert.equal(response.bytes.length, 12 + 29 + (12 + 4) + (12 + 4));
});

Deno.test("Responder: flags, EDNS versions, and forwarding only if it is asked for", () => {
  const server = paperServer({ forwards: true });
  const plain = readAnswer(server.respond(queryBytes(NAME, "A", { flags: 0x110 }), ARRIVAL));
  assert.equal(plain.flags, AA | 0x110 | 0x80);
  const later = readAnswer(server.respond(queryBytes(NAME, "A", edns(1232, { ednsVersion: 1 })), ARRIVAL));
  assert.equal(later.answers.length, 0);
  const [opt] = later.additionals;
  assert(opt && "extendedRcode" in opt && opt.extendedRcode === 1);
  assert.equal(server.respond(queryBytes("example.com", "A"), ARRIVAL).kind, "forward");
  assert.equal(readAnswer(server.respond(queryBytes("example.com", "A", { flags: 0 }), ARRIVAL)).rcode, "REFUSED");
  for (const name of ["printer.local", "localhost", "x.test"]) {
    assert.equal(readAnswer(server.respond(queryBytes(name, "A"), ARRIVAL)).rcode, "REFUSED");
  }
});

Deno.test("Responder: strangers are refused, answers are not answered", () => {
  const stranger = { ...ARRIVAL, isAllowed: false };
  const refused = paperServer().respond(queryBytes(NAME, "A"), stranger);
  assert(refused.kind === "answer" && refused.bytes.length === 12 && refused.rcode === 5);
  const answer = queryBytes(NAME, "A", { type: "response" });
  assert.deepEqual(paperServer().respond(answer, ARRIVAL), { kind: "silence", reason: "answer" });
  assert.deepEqual(paperServer().respond(new Uint8Array(3), ARRIVAL), { kind: "silence", reason: "short" });
});

Deno.test("Responder: one error over UDP more than the limit is not sent", () => {
  const server = paperServer();
  const bad = queryBytes("example.com", "A");
  for (let index = 0; index < UDP_ERRORS_BURST; index++) assert.equal(server.respond(bad, ARRIVAL).kind, "answer");
  assert.deepEqual(server.respond(bad, ARRIVAL), { kind: "silence", reason: "rate" });
  assert.equal(server.respond(bad, { ...ARRIVAL, transport: "tcp" }).kind, "answer");
  assert.equal(server.respond(queryBytes(NAME, "A"), ARRIVAL).kind, "answer");
  const later = { ...ARRIVAL, nowMs: 1000 };
  for (let index = 0; index < UDP_ERRORS_PER_S; index++) assert.equal(server.respond(bad, later).kind, "answer");
  assert.equal(server.respond(bad, later).kind, "silence");
});

Deno.test("Responder: whatever comes, it does not throw, and what it says fits and is read", () => {
  const server = paperServer({ forwards: true });
  const seeds = [
    queryBytes(NAME, "A", edns(1232)),
    queryBytes("_grpc._tcp.webmesh.internal", "SRV", edns(512)),
    queryBytes("leader.webmesh.internal", "ANY"),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
      fc.nat(100),
      fc.uint8Array({ maxLength: 300 }),
      (seed, changes, cut, random) => {
        const bytes = seed.slice();
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        for (const hostile of [bytes, bytes.subarray(0, cut), random]) {
          const response = server.respond(hostile, { ...ARRIVAL, nowMs: 1e9 });
          if (response.kind === "answer") assert(response.bytes.length <= 1232 && response.bytes[0] === hostile[0]);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("SourceFilter: this host, the mesh and who is named; what it remembers is bounded", () => {
  const filter = new SourceFilter([network("192.0.2.0/24")]);
  filter.mesh = [network("10.83.0.0/16"), network("fd00:1:2::/48")];
  const allowed = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:10.83.4.5", "10.83.0.1", "fd00:1:2:3::1", "192.0.2.200"];
  for (const host of allowed) assert(filter.allows(host), host);
  for (const host of ["10.84.0.1", "8.8.8.8", "::ffff:8.8.8.8", "fd00:1:3::1", "", "fe80::1%eth0"]) {
    assert(!filter.allows(host), host);
  }
  for (let index = 0; index <= SOURCES_REMEMBERED_MAX; index++) filter.allows(`8.8.${index >> 8}.${index & 255}`);
  assert(filter.rememberedCount <= SOURCES_REMEMBERED_MAX);
});
