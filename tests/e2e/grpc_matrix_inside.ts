/**
 * Every method of every service that nodes serve, called by Python's gRPC on the leader, on a follower with the leader proxy
 * and on one without, over TLS and the Unix socket, with each answer that is documented for it.
 *
 * The nodes are whole but for the tunnel: `grpc_matrix_test.ts` runs this on a host that has their mesh addresses.
 *
 * @module
 */
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { nobleSuite } from "../../core/crypto/noble_suite.ts";
import { systemRandom } from "../../core/io/random.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import { SOCKET_FILE_NAME } from "../../core/node/node.ts";
import { builtIn, featuresOf, planPlugins } from "../../core/node/plugin_setup.ts";
import { adminApi } from "../../plugins/admin_api/mod.ts";
import { leaderProxy } from "../../plugins/leader_proxy/mod.ts";
import { meshApi } from "../../plugins/mesh_api/mod.ts";
import { peerDiscovery } from "../../plugins/peer_discovery/mod.ts";
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { PaperNodes } from "../core/node/paper_nodes.ts";
import { TestAuthority } from "../core/rpc/test_authority.ts";
import { type ChannelOptions, GrpcCaller, type Reflected } from "./grpc_caller.ts";
import { channelName, checkTable, type Place, PLACES, type Row } from "./grpc_matrix.ts";
import {
  handedBack,
  handedOver,
  nobodyLeads,
  oneDown,
  restored,
  standard,
  wholeMesh,
  withoutServices,
} from "./grpc_matrix_rows.ts";
import { rules, tooLarge } from "./grpc_matrix_rules.ts";
import { eventually } from "./lab/eventually.ts";

const WAIT_MS = 20_000;
const IDS: Readonly<Record<Place, string>> = { leader: "a", proxied: "b", bare: "c" };
const SERVICES = [meshApi, peerDiscovery, adminApi];

Deno.test("gRPC: every method at every node, with every documented answer", everyMethod);

async function everyMethod(): Promise<void> {
  await using nodes = new PaperNodes((id) => planOf(id !== "c"));
  using authority = new TestAuthority("Weft test");
  const start = startedWith(nodes, authority);
  await start("a");
  await start("b");
  await start("c");
  await eventually("three voters", async () => (await voters(nodes)).join() === "a,b,c", WAIT_MS);
  await using caller = new GrpcCaller();
  await caller.open(channels(nodes, authority));

  const tried: Row[] = [];
  const check = async (rows: readonly Row[], together = false) => {
    tried.push(...rows);
    await checkTable(caller, rows, together);
  };
  const served = await checkReflection(caller, nodes);
  const facts = { leaderAddress: nodes.address("a"), newKey };
  await check(wholeMesh(facts));
  await check(standard({ health: Object.keys(served).filter((name) => !name.startsWith("grpc.")) }));
  checkMethods(served, tried);
  await check(rules(served));
  await check(tooLarge(["v1.Node/Join", "v1.Node/GetStatus", "v1.Mesh/GetNode"]));
  await check(restored(await backup(caller)));
  await check(handedOver());
  await leads(nodes, "b");
  await check(handedBack());
  await leads(nodes, "a");

  // Followers that lack services, and then the proxy.
  for (const id of ["b", "c"]) for (const { name } of SERVICES) await nodes.plugins(id).disable(name);
  await checkReflection(caller, nodes);
  await check(withoutServices());
  await nodes.plugins("b").disable(leaderProxy.name);
  await checkReflection(caller, nodes);
  for (const { name } of [leaderProxy, ...SERVICES]) await nodes.plugins("b").enable(name);
  await checkReflection(caller, nodes);

  // One node after the other is down, until nobody leads.
  await nodes.stop("c");
  await check(oneDown());
  await nodes.stop("b");
  await eventually("nobody to lead", async () => (await nodes.status("a")).raft?.leader === "", WAIT_MS);
  await check(nobodyLeads(true), true);
  await nodes.plugins("a").disable(leaderProxy.name);
  await check(nobodyLeads(false), true);
  await checkDocuments(tried);
}

/** Every method that is served has rows of its own, besides those that all have. */
function checkMethods(served: Reflected, rows: readonly Row[]): void {
  const tried = new Set(rows.map(({ method }) => method));
  const all = Object.entries(served).flatMap(([service, names]) =>
    Object.keys(names).map((name) => `${service}/${name}`)
  );
  assert.deepEqual(all.filter((method) => !tried.has(method)), []);
}

/** Services, and the plugins whose READMEs say how their calls may end. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  "v1.Admin": "admin_api",
  "v1.Mesh": "mesh_api",
  "v1.PeerDiscovery": "peer_discovery",
};
/** They take thousands of nodes, and 256 ACLs; the tests of these plugins have them. */
const UNTRIED: ReadonlySet<string> = new Set(["v1.Mesh RESOURCE_EXHAUSTED", "v1.Admin RESOURCE_EXHAUSTED"]);

/** Every status code that the README of a plugin names was an answer of its service. */
async function checkDocuments(rows: readonly Row[]): Promise<void> {
  const answered = new Set(rows.flatMap(({ method, answers }) => {
    const service = method.split("/")[0];
    return Object.values(answers).flatMap(({ code, codes = [] }) =>
      [code, ...codes].map((each) => `${service} ${each}`)
    );
  }));
  for (const [service, plugin] of Object.entries(DOCUMENTS)) {
    const text = await Deno.readTextFile(new URL(`../../plugins/${plugin}/README.md`, import.meta.url));
    const named = new Set([...text.matchAll(/\b[A-Z_]+\b/g)].map(([word]) => word).filter((word) => word in status));
    assert(named.size > 0, plugin);
    const missing = [...named].map((code) => `${service} ${code}`).filter((each) => !answered.has(each));
    assert.deepEqual(missing.filter((each) => !UNTRIED.has(each)), []);
  }
}

function planOf(hasProxy: boolean): ReturnType<typeof planPlugins> {
  const plugins = hasProxy ? [leaderProxy, ...SERVICES] : SERVICES;
  return planPlugins(builtIn(plugins), {
    features: ["nodes", ...featuresOf(plugins)],
    disabled: [],
    sections: [],
    environment: { WEFT_LEADER_PROXY_LEADER_WAIT_MS: "500" },
  });
}

/** Nodes with certificates of one authority; the first makes the mesh, the others join it and vote. */
function startedWith(nodes: PaperNodes, authority: TestAuthority): (id: string) => Promise<void> {
  return async (id) => {
    const { grpcListen, dataDir } = nodes.config(id);
    const { cert, key } = authority.certificate(id, "IP:127.0.0.1");
    await Deno.mkdir(dataDir, { mode: 0o700 });
    const [certFile, keyFile, caFile] = [`${dataDir}/cert.pem`, `${dataDir}/key.pem`, `${dataDir}/ca.pem`];
    for (const [file, text] of [[certFile, cert], [keyFile, key], [caFile, authority.ca]] as const) {
      await Deno.writeTextFile(file, text);
    }
    const changes = {
      asVoter: true,
      grpcListen: { host: "0.0.0.0", port: grpcListen.port },
      tls: { kind: "files", certFile, keyFile, caFile, mtls: false },
    } as const;
    await (id === "a" ? nodes.bootstrap(id, changes) : nodes.join(id, "a", changes));
  };
}

function channels(nodes: PaperNodes, authority: TestAuthority): Record<string, ChannelOptions> {
  const certificate = authority.certificate("somebody", "DNS:somebody");
  return Object.fromEntries(PLACES.flatMap((place) => {
    const [target, ca] = [nodes.address(IDS[place]), authority.ca];
    return [
      [channelName(place, "member"), { target, ca, ...certificate }],
      [channelName(place, "stranger"), { target, ca }],
      [channelName(place, "socket"), { target: `unix:${nodes.dataDir(IDS[place])}/${SOCKET_FILE_NAME}` }],
    ];
  }));
}

/** Waits until every node has heard who leads. */
async function leads(nodes: PaperNodes, id: string): Promise<void> {
  await eventually(`all to know that "${id}" leads`, async () => {
    const leaders = await Promise.all(PLACES.map(async (place) => (await nodes.status(IDS[place])).raft?.leader));
    return leaders.every((leader) => leader === id);
  }, WAIT_MS);
}

async function voters(nodes: PaperNodes): Promise<string[]> {
  const { raft } = await nodes.status("a");
  return (raft?.members ?? []).filter(({ voter }) => voter).map(({ id }) => id);
}

/** Both versions of reflection list on each node what its status says that runs, and nothing else. @returns What the leader has. */
async function checkReflection(caller: GrpcCaller, nodes: PaperNodes): Promise<Reflected> {
  let ofLeader: Reflected = {};
  for (const place of PLACES) {
    const { status, plugins } = await nodes.status(IDS[place]);
    const features = new Set(status?.features);
    const running = new Set(plugins.filter(({ phase }) => phase === "running").map(({ name }) => name));
    const expected = [
      ["v1.Node", features.has(Feature.NODES)],
      ["v1.Mesh", features.has(Feature.MESH_API)],
      ["v1.PeerDiscovery", features.has(Feature.PEER_DISCOVERY)],
      // It is no feature of the v1 API.
      ["v1.Admin", running.has(adminApi.name)],
      ["weft.v1.Control", true],
      ["grpc.health.v1.Health", true],
      ["grpc.reflection.v1.ServerReflection", true],
      ["grpc.reflection.v1alpha.ServerReflection", true],
    ].flatMap(([name, runs]) => runs ? [name] : []).sort();
    for (const asker of ["member", "stranger", "socket"] as const) {
      const { v1, v1alpha } = await caller.reflect(channelName(place, asker));
      assert.deepEqual(Object.keys(v1).sort(), expected, `${place}, ${asker}`);
      assert.deepEqual(v1alpha, v1);
      if (place === "leader") ofLeader = v1;
    }
  }
  return ofLeader;
}

async function backup(caller: GrpcCaller): Promise<readonly object[]> {
  const call = { channel: channelName("leader", "socket"), service: "weft.v1.Control", method: "Backup" };
  const [answer] = await caller.call([call]);
  return answer?.responses ?? [];
}

function newKey(): string {
  return `${PrivateKey.generate(systemRandom).publicKey(nobleSuite.x25519)}`;
}
