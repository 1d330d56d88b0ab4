import assert from "node:assert/strict";
import { SERVICE_RECORDS_MAX } from "../../../plugins/mesh_dns/zone.ts";
import { ADDITIONALS_MAX, answerQuestion, CNAME_COUNT_MAX } from "../../../plugins/mesh_dns/answer.ts";
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

function ask(name: string, type: string, zone = paperZone()) {
  const message = readAnswer(paperServer({ zone }).respond(queryBytes(name, type, edns(1232)), ARRIVAL));
  return { rcode: message.rcode, answers: texts(message.answers), authorities: texts(message.authorities), message };
}

const SOA =
  'SOA {"mname":"a.webmesh.internal","rname":"hostmaster.webmesh.internal","serial":42,"refresh":60,"retry":10,"expire":86400,"minimum":5}';

Deno.test("answerQuestion: nodes by name, whatever the case", () => {
  assert.deepEqual(ask("a.webmesh.internal", "A").answers, ["a.webmesh.internal A 10.83.0.1"]);
  assert.deepEqual(ask("A.WebMesh.Internal", "AAAA").answers, ["A.WebMesh.Internal AAAA fd00:1:2:1::1"]);
  assert.deepEqual(ask("b.webmesh.internal", "TXT").answers, [
    "b.webmesh.internal TXT id=B raft_port=9443 grpc_port=8443 wireguard_port=51820 " +
    "primary_endpoint=192.0.2.7 endpoints=192.0.2.7,2001:db8::7",
  ]);
  assert.deepEqual(ask("x.y.webmesh.internal", "A").answers, ["x.y.webmesh.internal A 10.83.0.3"]);
});

Deno.test("answerQuestion: no data is not no name, and both carry the SOA with the negative time to live", () => {
  const noData = [["b", "A"], ["a", "MX"], ["y", "A"], ["_tcp", "A"], ["_udp.a", "A"], ["endpoint.a", "A"]] as const;
  for (const [name, type] of noData) {
    const answer = ask(`${name}.webmesh.internal`, type);
    assert.deepEqual([answer.rcode, answer.answers, answer.authorities], ["NOERROR", [], [`webmesh.internal ${SOA}`]]);
    assert.equal(answer.message.authorities[0]?.ttl, 5);
  }
  for (const name of ["nobody", "z.y", "_http._tcp", "q._tcp.a", "q.endpoint.a", "localhost", "a\\.webmesh"]) {
    const answer = ask(`${name}.webmesh.internal`, "A");
    assert.deepEqual([answer.rcode, answer.answers, answer.authorities], ["NXDOMAIN", [], [`webmesh.internal ${SOA}`]]);
  }
});

Deno.test("answerQuestion: names below a node are the node, under their own name", () => {
  assert.deepEqual(ask("www.deep.a.webmesh.internal", "A").answers, ["www.deep.a.webmesh.internal A 10.83.0.1"]);
  assert.deepEqual(ask("www.b.webmesh.internal", "A").rcode, "NOERROR");
});

Deno.test("answerQuestion: services, with the addresses of hosts", () => {
  const grpc = ask("_grpc._tcp.webmesh.internal", "SRV");
  assert.deepEqual(grpc.message.answers.map(({ data }) => data), [
    { priority: 0, weight: 0, port: 8443, target: "a.webmesh.internal" },
    { priority: 0, weight: 0, port: 8443, target: "b.webmesh.internal" },
  ]);
  assert.deepEqual(texts(grpc.message.additionals), [
    "a.webmesh.internal A 10.83.0.1",
    "a.webmesh.internal AAAA fd00:1:2:1::1",
    "b.webmesh.internal AAAA fd00:1:2:2::1",
  ]);
  const wireguard = ask("_wireguard._udp.b.webmesh.internal", "SRV");
  assert.deepEqual(wireguard.message.answers.map(({ data }) => data), [
    { priority: 0, weight: 0, port: 51820, target: "endpoint.b.webmesh.internal" },
  ]);
  assert.deepEqual(texts(wireguard.message.additionals), [
    "endpoint.b.webmesh.internal A 192.0.2.7",
    "endpoint.b.webmesh.internal AAAA 2001:db8::7",
  ]);
});

Deno.test("answerQuestion: one node more than the limits of SRV answers", () => {
  const nodes = Array.from({ length: SERVICE_RECORDS_MAX + 1 }, (_, index) => paperNode(`n${index}`, index + 1));
  const question = { name: "_grpc._tcp.webmesh.internal", type: 33, class: 1 };
  const answer = answerQuestion(question, paperZone({ nodes }));
  assert(answer !== "elsewhere");
  assert.deepEqual([answer.answers.length, answer.additionals.length], [SERVICE_RECORDS_MAX, ADDITIONALS_MAX]);
});

Deno.test("answerQuestion: the zone itself, and who leads", () => {
  assert.deepEqual(ask("webmesh.internal", "SOA").answers, [`webmesh.internal ${SOA}`]);
  assert.deepEqual(ask("webmesh.internal", "NS").answers, ["webmesh.internal NS a.webmesh.internal"]);
  assert.deepEqual(ask("webmesh.internal", "ANY").answers, [`webmesh.internal ${SOA}`]);
  assert.deepEqual(ask("leader.webmesh.internal", "AAAA").answers, [
    "leader.webmesh.internal CNAME a.webmesh.internal",
    "a.webmesh.internal AAAA fd00:1:2:1::1",
  ]);
  const nobody = ask("leader.webmesh.internal", "A", paperZone({ leaderId: undefined }));
  assert.deepEqual([nobody.rcode, nobody.answers], ["NOERROR", []]);
});

Deno.test("answerQuestion: addresses of the mesh's networks back to names, and of no others", () => {
  assert.deepEqual(ask("1.0.83.10.in-addr.arpa", "PTR").answers, ["1.0.83.10.in-addr.arpa PTR a.webmesh.internal"]);
  const ipv6 = `1.${"0.".repeat(15)}2.0.0.0.2.0.0.0.1.0.0.0.0.0.D.F.ip6.arpa`;
  assert.deepEqual(ask(ipv6, "PTR").answers, [`${ipv6} PTR b.webmesh.internal`]);
  assert.equal(ask("9.0.83.10.in-addr.arpa", "PTR").rcode, "NXDOMAIN");
  assert.deepEqual(
    texts(ask("9.0.83.10.in-addr.arpa", "PTR").message.authorities)[0]?.split(" ")[0],
    "83.10.in-addr.arpa",
  );
  assert.equal(ask("0.83.10.in-addr.arpa", "PTR").rcode, "NOERROR");
  assert.deepEqual(ask("83.10.in-addr.arpa", "NS").answers, ["83.10.in-addr.arpa NS a.webmesh.internal"]);
  for (const name of ["1.0.84.10.in-addr.arpa", "10.in-addr.arpa", "in-addr.arpa", "1.0.0.127.in-addr.arpa"]) {
    assert.equal(ask(name, "PTR").rcode, "REFUSED", name);
  }
});

Deno.test("answerQuestion: networks with bits between labels", () => {
  const zone = paperZone();
  const mesh = zone.facts.mesh;
  assert(mesh);
  const wide = paperZone({ mesh: { ...mesh, networkIpv4: network("10.80.0.0/12") } });
  assert.equal(
    texts(ask("9.0.84.10.in-addr.arpa", "PTR", wide).message.authorities)[0]?.split(" ")[0],
    "84.10.in-addr.arpa",
  );
  assert.equal(ask("9.0.96.10.in-addr.arpa", "PTR", wide).rcode, "REFUSED");
  const narrow = paperZone({ mesh: { ...mesh, networkIpv4: network("10.83.0.0/29") } });
  assert.deepEqual(ask("1.0.83.10.in-addr.arpa", "PTR", narrow).answers.length, 1);
  assert.equal(ask("0.83.10.in-addr.arpa", "SOA", narrow).answers.length, 1);
  assert.equal(ask("9.0.83.10.in-addr.arpa", "PTR", narrow).rcode, "REFUSED");
});

Deno.test("answerQuestion: offered names, behind names of nodes and of the mesh", () => {
  const ttlSeconds = 60;
  const zone = paperZone({
    offers: [
      { name: "Printer", type: "CNAME", target: "a", ttlSeconds },
      { name: "printer", type: "TXT", texts: ["not beside a CNAME"], ttlSeconds },
      { name: "a", type: "A", address: "192.0.2.66", ttlSeconds },
      { name: "leader", type: "A", address: "192.0.2.66", ttlSeconds },
      { name: "_grpc._tcp", type: "TXT", texts: ["no"], ttlSeconds },
      { name: "_ipp._tcp", type: "SRV", priority: 1, weight: 2, port: 631, target: "printer", ttlSeconds },
      { name: "own.a", type: "A", address: "192.0.2.9", ttlSeconds },
    ],
  });
  const printer = ask("printer.webmesh.internal", "A", zone);
  assert.deepEqual(printer.answers, [
    "printer.webmesh.internal CNAME a.webmesh.internal",
    "a.webmesh.internal A 10.83.0.1",
  ]);
  assert.deepEqual(printer.message.answers.map(({ ttl }) => ttl), [60, 30]);
  assert.deepEqual(ask("printer.webmesh.internal", "CNAME", zone).answers.length, 1);
  assert.deepEqual(ask("a.webmesh.internal", "A", zone).answers, ["a.webmesh.internal A 10.83.0.1"]);
  assert.deepEqual(ask("leader.webmesh.internal", "A", zone).answers.length, 2);
  assert.deepEqual(ask("_ipp._tcp.webmesh.internal", "SRV", zone).answers.length, 1);
  assert.deepEqual(ask("own.a.webmesh.internal", "A", zone).answers, ["own.a.webmesh.internal A 192.0.2.9"]);
  assert.equal(ask("x.printer.webmesh.internal", "A", zone).rcode, "NXDOMAIN");
});

Deno.test("answerQuestion: aliases of aliases end, also in a circle, and to nowhere", () => {
  const chain = Array.from(
    { length: CNAME_COUNT_MAX + 1 },
    (_, index) => ({ name: `c${index}`, type: "CNAME", target: `c${index + 1}`, ttlSeconds: 1 }) as const,
  );
  assert.equal(ask("c0.webmesh.internal", "A", paperZone({ offers: chain })).answers.length, CNAME_COUNT_MAX);
  const circle = [{ name: "c", type: "CNAME", target: "c", ttlSeconds: 1 }] as const;
  assert.equal(ask("c.webmesh.internal", "A", paperZone({ offers: circle })).answers.length, CNAME_COUNT_MAX);
  const nowhere = ask("c.webmesh.internal", "A", paperZone({ offers: [{ ...circle[0], target: "gone" }] }));
  assert.deepEqual([nowhere.rcode, nowhere.answers.length, nowhere.authorities.length], ["NXDOMAIN", 1, 1]);
});

Deno.test("Zone: ids that are no names have none, and are told", () => {
  const long = `${"l".repeat(63)}`;
  const ids = ["leader", "localhost", "ok", "OK", "a.-b.c", `${long}.${long}.${long}.${long}`, "wpad"];
  const zone = paperZone({ nodes: ids.map((id, index) => paperNode(id, index + 1)) });
  assert.deepEqual(zone.unnamedIds, ids.filter((id) => id !== "ok"));
});

Deno.test("answerQuestion: zone transfers, other classes and types that are no data are refused", () => {
  for (const type of ["AXFR", "IXFR", "TKEY", "OPT"]) {
    assert.equal(ask("webmesh.internal", type).rcode, "REFUSED", type);
  }
  const chaos = queryBytes("a.webmesh.internal", "A", {
    questions: [{ name: "version.bind", type: "TXT", class: "CH" }],
  });
  assert.equal(readAnswer(paperServer().respond(chaos, ARRIVAL)).rcode, "REFUSED");
  assert.equal(ask("example.com", "A").rcode, "REFUSED");
  assert.equal(ask("xwebmesh.internal", "A").rcode, "REFUSED");
});
