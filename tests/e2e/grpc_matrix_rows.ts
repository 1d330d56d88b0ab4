/**
 * The tables of `grpc_matrix_test.ts`: every method with each answer that is documented for it.
 *
 * Nodes: "a" leads and "b" follows, both with the leader proxy; "c" follows without it. All three vote.
 *
 * @module
 */
import { type Answers, everywhere, type Expected, type Row, row } from "./grpc_matrix.ts";

/** What the tables need to know. */
export interface Facts {
  /** Where the leader serves gRPC. */
  readonly leaderAddress: string;
  /** Another public key at each call. */
  readonly newKey: () => string;
}

const OK: Expected = { code: "OK" };
const INVALID: Expected = { code: "INVALID_ARGUMENT", trailers: { "weft-reason": "invalid-argument" } };
const NOT_FOUND: Expected = { code: "NOT_FOUND", trailers: { "weft-reason": "not-found" } };
const EXISTS: Expected = { code: "ALREADY_EXISTS", trailers: { "weft-reason": "already-exists" } };
const DENIED: Expected = { code: "PERMISSION_DENIED", trailers: { "weft-reason": "permission-denied" } };
const PRECONDITION: Expected = { code: "FAILED_PRECONDITION", trailers: { "weft-reason": "precondition" } };
const EXHAUSTED: Expected = { code: "RESOURCE_EXHAUSTED", trailers: { "weft-reason": "exhausted" } };
const NO_LEADER: Expected = { code: "UNAVAILABLE", trailers: { "weft-reason": "no-leader" } };
const UNAVAILABLE: Expected = { code: "UNAVAILABLE", trailers: { "weft-reason": "unavailable" } };
const TIMEOUT: Expected = { code: "DEADLINE_EXCEEDED", trailers: { "weft-reason": "timeout" } };
const UNIMPLEMENTED: Expected = { code: "UNIMPLEMENTED", trailers: { "weft-reason": "unimplemented" } };
/** What a client says by itself. */
const LATE: Expected = { code: "DEADLINE_EXCEEDED" };

const PREFER = { "prefer-leader": "true" };
const level = (kind: string) => ({ "read-consistency": kind });
const someText = (value: unknown) => typeof value === "string" && value !== "";

const countTo = (limit: number) =>
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ${limit}) SELECT count(*) FROM n`;

/** A query that takes longer than it may. It goes on even so, because nothing can stop it. */
const TOO_LONG = countTo(2_000_000);

/** One that takes a moment. */
const LONG = countTo(300_000);

/** The mesh is whole. */
export function wholeMesh({ leaderAddress, newKey }: Facts): readonly Row[] {
  const notLeader: Expected = {
    code: "FAILED_PRECONDITION",
    trailers: { "weft-reason": "not-leader", "leader-address": leaderAddress },
  };
  /** What takes the leader: the proxy passes it on. */
  const byLeader = (expected: Expected): Answers => ({ leader: expected, proxied: expected, bare: notLeader });
  /** What takes the leader, and no interceptor stands in front of. */
  const onLeader = (expected: Expected): Answers => ({ leader: expected, proxied: notLeader, bare: notLeader });
  const ofA = {
    id: "a",
    current_leader: "a",
    cluster_status: "CLUSTER_LEADER",
    features: ["NODES", "LEADER_PROXY", "MESH_API", "PEER_DISCOVERY"],
  };
  const own = (response: (id: string, isLeader: boolean) => object): Answers => ({
    leader: { code: "OK", response: response("a", true) },
    proxied: { code: "OK", response: response("b", false) },
    bare: { code: "OK", response: response("c", false) },
  });

  /** Every level on a method that reads, and what each place says to it. */
  const readLevels = (method: string, request: object, leaderOnly: (expected: Expected) => Answers): Row[] => {
    const at = (kind: string): Expected => ({
      code: "OK",
      trailers: { "read-consistency": kind, "applied-index": /^\d+$/ },
    });
    const read = (what: string, metadata: Record<string, string>, answers: Answers) =>
      row(method, what, { request, metadata }, answers);
    return [
      read("no level", {}, everywhere(at("none"))),
      read("fresh enough", { freshness: "5s", "freshness-strict": "true" }, everywhere(at("none"))),
      read("too fresh", { freshness: "1us" }, everywhere(UNAVAILABLE)),
      read("linearizable", level("linearizable"), everywhere(at("linearizable"))),
      read("weak", level("weak"), leaderOnly(at("weak"))),
      read("strong", level("strong"), leaderOnly(at("strong"))),
      read("prefer-leader", PREFER, everywhere(at("none"))),
      read("prefer-leader that is not true", { "prefer-leader": "1" }, everywhere(at("none"))),
      read("no such level", level("best"), everywhere(INVALID)),
      read("no time", { freshness: "soon" }, everywhere(INVALID)),
      read("contradiction", { freshness: "5s", ...level("weak") }, everywhere(INVALID)),
    ];
  };

  const JOIN = "v1.Node/Join";
  const joiner = (id: string, changes: object = {}) => ({
    request: {
      id,
      public_key: newKey(),
      raft_port: 9443,
      grpc_port: 8443,
      wireguard_port: 51820,
      assign_ipv4: true,
      ...changes,
    },
  });
  const [first, second, third] = [joiner("p1"), joiner("p2", { primary_endpoint: "2001:db8::7" }), joiner("p3")];
  const joined: Expected = {
    code: "OK",
    response: {
      address_ipv4: /^10\.83\.0\.\d\/29$/,
      network_ipv6: /^fd.*\/64$/,
      peers: (peers: unknown) =>
        Array.isArray(peers) && ["a", "b", "c"].every((id) => peers.some((peer) => matchesPeer(peer, id))),
    },
    trailers: { "weft-mesh-id": someText, "weft-raft-id": /^\d+$/ },
  };
  const join: Row[] = [
    row(JOIN, "a new node", first, byLeader(joined)),
    row(JOIN, "by a stranger, of a known node", first, byLeader(joined), "stranger"),
    row(JOIN, "of a node with an IPv6 endpoint", second, byLeader(joined)),
    row(JOIN, "forwarded already", { ...first, metadata: { "proxied-from": "c" } }, onLeader(joined)),
    row(JOIN, "no id", joiner(""), everywhere(INVALID)),
    row(JOIN, "no possible id", joiner("p..1"), everywhere(INVALID)),
    row(JOIN, "an id of 64 characters", joiner("p".repeat(64)), everywhere(INVALID)),
    row(JOIN, "no key", joiner("p9", { public_key: "AAAA" }), everywhere(INVALID)),
    row(JOIN, "no port", joiner("p9", { raft_port: 65_536 }), everywhere(INVALID)),
    row(JOIN, "a name as endpoint", joiner("p9", { primary_endpoint: "example.com" }), everywhere(INVALID)),
    row(JOIN, "an endpoint with port", joiner("p9", { endpoints: ["192.0.2.1:1"] }), everywhere(INVALID)),
    row(JOIN, "17 endpoints", joiner("p9", { endpoints: Array(17).fill("192.0.2.1") }), everywhere(INVALID)),
    row(JOIN, "no versions", { ...joiner("p9"), metadata: { "weft-program-versions": "new" } }, byLeader(INVALID)),
    row(JOIN, "no session", { ...joiner("p9"), metadata: { "weft-write-session": "x" } }, byLeader(INVALID)),
    row(JOIN, "no Raft instance", { ...joiner("p9"), metadata: { "weft-raft-instance": "/" } }, byLeader(INVALID)),
    row(
      JOIN,
      "a program that is too old",
      { ...joiner("p9"), metadata: { "weft-program-versions": "3.1.0/1" } },
      byLeader(PRECONDITION),
    ),
    row(JOIN, "another key under a known id", joiner("p1"), byLeader(EXISTS)),
    row(JOIN, "an id that differs in case", joiner("P1"), byLeader(EXISTS)),
    row(JOIN, "a known key under another id", { request: { ...first.request, id: "p9" } }, byLeader(EXISTS)),
    row(JOIN, "the last address", third, byLeader(joined)),
    row(JOIN, "no address left", joiner("p9"), byLeader(EXHAUSTED)),
  ];

  const LEAVE = "v1.Node/Leave";
  const leave: Row[] = [
    row(LEAVE, "no id", {}, everywhere(INVALID)),
    row(LEAVE, "nobody of that id", { request: { id: "nobody" } }, byLeader(OK)),
    row(
      LEAVE,
      "no session",
      { request: { id: "nobody" }, metadata: { "weft-write-session": "x" } },
      everywhere(INVALID),
    ),
    row(LEAVE, "a node", { request: { id: "p3" } }, byLeader(OK)),
  ];

  const STATUS = "v1.Node/GetStatus";
  const node: Row[] = [
    row(
      STATUS,
      "itself",
      {},
      own((id, isLeader) => ({
        id,
        current_leader: "a",
        cluster_status: isLeader ? "CLUSTER_LEADER" : "CLUSTER_VOTER",
        wireguard_peers: (count: unknown) => Number(count) >= 2,
      })),
    ),
    row(STATUS, "another node by id", { request: { id: "a" } }, everywhere({ code: "OK", response: ofA })),
    row(STATUS, "by a stranger", {}, everywhere(OK), "stranger"),
    row(STATUS, "strong, by a stranger", { metadata: level("strong") }, everywhere(DENIED), "stranger"),
    row(STATUS, "nobody of that id", { request: { id: "nobody" } }, everywhere(NOT_FOUND)),
    row(STATUS, "stays local", { metadata: PREFER }, own((id) => ({ id }))),
    ...readLevels(STATUS, {}, onLeader),
    row("v1.Node/NegotiateDataChannel", "a data channel", {}, everywhere(UNIMPLEMENTED)),
  ];

  const [GET_NODE, LIST_NODES] = ["v1.Mesh/GetNode", "v1.Mesh/ListNodes"];
  const meshNode = {
    id: "a",
    private_ipv4: "10.83.0.1/29",
    private_ipv6: /^fd.*\/64$/,
    public_key: someText,
    primary_endpoint: "127.0.0.1",
    raft_port: (port: unknown) => Number(port) > 0,
    grpc_port: Number(leaderAddress.split(":")[1]),
    wireguard_port: 51820,
    created_at: someText,
    updated_at: someText,
    cluster_status: "CLUSTER_LEADER",
  };
  const mesh: Row[] = [
    row(GET_NODE, "a node", { request: { id: "a" } }, everywhere({ code: "OK", response: meshNode })),
    row(
      GET_NODE,
      "nobody of that id",
      { request: { id: "nobody" } },
      everywhere({ ...NOT_FOUND, details: /^node nobody not found$/ }),
    ),
    row(GET_NODE, "another case", { request: { id: "A" } }, everywhere({ ...NOT_FOUND, trailers: { hint: /"a"/ } })),
    row(GET_NODE, "no id", {}, everywhere(INVALID)),
    row(GET_NODE, "no possible id", { request: { id: "a b" } }, everywhere(INVALID)),
    ...readLevels(GET_NODE, { id: "a" }, byLeader),
    row(
      LIST_NODES,
      "all, in order",
      {},
      everywhere({ code: "OK", response: { nodes: (nodes: unknown) => idsOf(nodes) === "a,b,c,p1,p2" } }),
    ),
    ...readLevels(LIST_NODES, {}, byLeader),
  ];

  const PEERS = "v1.PeerDiscovery/ListPeers";
  const peers = (peers: unknown) =>
    Array.isArray(peers) && idsOf(peers) === "a,b,c,p2" &&
    peers[0]?.address === leaderAddress && peers[0]?.leader === true && peers[1]?.voter === true &&
    peers[1]?.leader === undefined &&
    peers[3]?.address === "[2001:db8::7]:8443";
  const discovery: Row[] = [
    row(PEERS, "those with an address", {}, everywhere({ code: "OK", response: { peers } })),
    row(PEERS, "by a stranger", {}, everywhere({ code: "OK", response: { peers } }), "stranger"),
    row(PEERS, "strong, by a stranger", { metadata: level("strong") }, everywhere(DENIED), "stranger"),
    ...readLevels(PEERS, {}, byLeader),
  ];

  return [
    ...join,
    ...leave,
    ...node,
    ...mesh,
    ...discovery,
    ...admin(byLeader, readLevels),
    ...control(onLeader, own, readLevels),
  ];
}

type ByLeader = (expected: Expected) => Answers;
type ReadLevels = (method: string, request: object, leaderOnly: ByLeader) => Row[];

function admin(byLeader: ByLeader, readLevels: ReadLevels): Row[] {
  const [PUT, DELETE, GET, LIST] = ["PutRaftACL", "DeleteRaftACL", "GetRaftACL", "ListRaftACLs"].map((name) =>
    `v1.Admin/${name}`
  ) as [string, string, string, string];
  const acl = (name: string, action: string | number, ...patterns: string[]) => ({
    request: { name, patterns, action },
  });
  const all = acl("all", "ALLOW", "*");
  const nothing = {
    "raft-demoted": undefined,
    "raft-promoted": undefined,
    "raft-kept": undefined,
    "raft-pending": undefined,
  };
  const quiet: Expected = { code: "OK", trailers: nothing };
  return [
    row(PUT, "no name", acl("", "ALLOW", "*"), everywhere(INVALID)),
    row(PUT, "no possible name", acl("a,b", "ALLOW", "*"), everywhere(INVALID)),
    row(PUT, "a name of 64 characters", acl("n".repeat(64), "ALLOW", "*"), everywhere(INVALID)),
    row(PUT, "no pattern", acl("x", "ALLOW"), everywhere(INVALID)),
    row(PUT, "129 patterns", acl("x", "ALLOW", ...Array(129).fill("a")), everywhere(INVALID)),
    row(PUT, "a pattern that matches no id", acl("x", "ALLOW", "a,b"), everywhere(INVALID)),
    row(PUT, "no such action", acl("x", 7, "*"), everywhere(INVALID)),
    row(PUT, "nobody could vote", acl("x", "DENY", "*"), byLeader(PRECONDITION)),
    row(PUT, "everybody may vote", all, byLeader(quiet)),
    row(PUT, "by a stranger", all, everywhere(DENIED), "stranger"),
    row(PUT, "a voter loses its right", acl("old", "DENY", "c"), {
      leader: { code: "OK", trailers: { ...nothing, "raft-demoted": "c" } },
    }),
    row("v1.Node/Join", "as a voter that may not vote", {
      request: { id: "c", public_key: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", as_voter: true },
    }, { leader: DENIED, proxied: { ...DENIED, details: /"old" denies it/ } }),
    row(
      GET,
      "an ACL",
      { request: { name: "old" }, metadata: level("linearizable") },
      everywhere({ code: "OK", response: { name: "old", patterns: ["c"], action: undefined } }),
    ),
    row(
      LIST,
      "all, in order",
      {},
      everywhere({ code: "OK", response: { items: [{ name: "all", action: "ALLOW" }, { name: "old" }] } }),
    ),
    row(DELETE, "a voter gets its right back", { request: { name: "old" } }, {
      proxied: { code: "OK", trailers: { ...nothing, "raft-promoted": "c" } },
    }),
    row(DELETE, "none of that name", { request: { name: "old" } }, byLeader(quiet)),
    row(DELETE, "no name", {}, everywhere(INVALID)),
    row(DELETE, "no possible name", { request: { name: "a b" } }, everywhere(INVALID)),
    row(GET, "none of that name", { request: { name: "old" }, metadata: level("linearizable") }, everywhere(NOT_FOUND)),
    row(GET, "no name", {}, everywhere(INVALID)),
    ...readLevels(GET, { name: "all" }, byLeader),
    ...readLevels(LIST, {}, byLeader),
  ];
}

function control(
  onLeader: ByLeader,
  own: (response: (id: string, isLeader: boolean) => object) => Answers,
  readLevels: ReadLevels,
): Row[] {
  const name = (method: string) => `weft.v1.Control/${method}`;
  const query = (sql: string, more: object = {}) => ({ request: { sql, ...more } });
  const status = (id: string) => ({ status: { id }, raft: { leader: "a" }, addresses: { interface: "paper0" } });
  return [
    row(name("GetNodeStatus"), "itself", {}, own(status)),
    row(
      name("GetNodeStatus"),
      "another node by id",
      { request: { id: "b" } },
      everywhere({ code: "OK", response: status("b") }),
    ),
    row(name("GetNodeStatus"), "nobody of that id", { request: { id: "nobody" } }, everywhere(NOT_FOUND)),
    ...readLevels(name("GetNodeStatus"), {}, onLeader),
    row(
      name("GetNodeMetrics"),
      "itself",
      {},
      everywhere({ code: "OK", response: { device_name: "paper0", system: { host: { hostname: someText } } } }),
    ),
    row(
      name("GetNodeMetrics"),
      "another node by id",
      { request: { id: "c" } },
      everywhere({ code: "OK", response: { device_name: "paper0" } }),
    ),
    row(name("GetNodeMetrics"), "nobody of that id", { request: { id: "nobody" } }, everywhere(NOT_FOUND)),
    row(
      name("ListNodes"),
      "all, in order",
      {},
      everywhere({ code: "OK", response: { nodes: (nodes: unknown) => idsOf(nodes) === "a,b,c,p1,p2" } }),
    ),
    ...readLevels(name("ListNodes"), {}, onLeader),
    row(name("Leave"), "not on this host", {}, everywhere(DENIED)),
    row(
      name("GetRaftStatus"),
      "itself",
      {},
      own((id, isLeader) => ({ id, leader: "a", voters: 3, role: isLeader ? "leader" : "follower" })),
    ),
    ...readLevels(name("GetRaftStatus"), {}, onLeader),
    row(name("ListRaftMembers"), "as the leader sees them", {}, everywhere({ code: "OK", response: { viewer: "a" } })),
    row(
      name("ListRaftMembers"),
      "as the asked node sees them",
      { request: { here: true } },
      own((id) => ({ viewer: id })),
    ),
    row(
      name("ListRaftMembers"),
      "no such level",
      { request: { here: true }, metadata: level("best") },
      everywhere(INVALID),
    ),
    row(
      name("TransferLeadership"),
      "to who leads",
      { request: { id: "a" } },
      everywhere({ code: "OK", response: { leader: "a", moved: undefined } }),
    ),
    row(name("TransferLeadership"), "only here", { request: { id: "a", here: true } }, onLeader(OK)),
    row(name("TransferLeadership"), "nobody of that id", { request: { id: "nobody" } }, everywhere(NOT_FOUND)),
    row(name("TransferLeadership"), "a learner", { request: { id: "p1" } }, everywhere(INVALID)),
    row(name("TakeSnapshot"), "a snapshot", {}, everywhere({ code: "OK", response: { index: /^\d+$/ } })),
    row(
      name("Query"),
      "a query",
      query("SELECT id FROM nodes WHERE id = :id", { parameters: [{ name: "id", value: { text: "b" } }] }),
      everywhere({ code: "OK", response: { columns: ["id"], rows: [{ values: [{ text: "b" }] }] } }),
    ),
    row(
      name("Query"),
      "fewer rows than there are",
      query("SELECT id FROM nodes", { row_limit: 1 }),
      everywhere({ code: "OK", response: { truncated: "rows" } }),
    ),
    ...readLevels(name("Query"), { sql: "SELECT 1" }, onLeader).map(withoutProxied),
    row(name("Query"), "no statement", {}, everywhere(INVALID)),
    row(name("Query"), "a write", query("DELETE FROM nodes"), everywhere(INVALID)),
    row(name("Query"), "two statements", query("SELECT 1; SELECT 2"), everywhere(INVALID)),
    row(name("Query"), "no such table", query("SELECT * FROM nothing"), everywhere(INVALID)),
    row(name("Query"), "a parameter that is missing", query("SELECT :id"), everywhere(INVALID)),
    row(
      name("Query"),
      "a parameter too many",
      query("SELECT 1", { parameters: [{ name: "id" }] }),
      everywhere(INVALID),
    ),
    row(name("Query"), "longer than allowed", query(`SELECT ${"1,".repeat(33_000)}1`), everywhere(INVALID)),
    row(name("Query"), "too long for its time", query(TOO_LONG, { timeout_ms: 100 }), { bare: TIMEOUT }),
    row(
      name("Query"),
      "too many at a time",
      { ...query(LONG), at_once: 6 },
      everywhere({ code: "", codes: ["OK", "RESOURCE_EXHAUSTED"] }),
    ),
    row(name("Backup"), "a backup", {}, everywhere({ code: "OK", response: { data: someText } })),
    ...readLevels(name("Backup"), {}, onLeader),
    row(name("Restore"), "not on this host", {}, everywhere(DENIED)),
    row(name("Restore"), "nothing", { request: [] }, onLeader(INVALID), "socket"),
    row(name("Restore"), "no backup", { request: [{ data: btoa("x".repeat(1_000)) }] }, onLeader(INVALID), "socket"),
  ];
}

/** The lead moves to "b". */
export function handedOver(): readonly Row[] {
  const call = { request: { id: "b" } };
  const moved = { leader: "b", moved: true };
  return [
    row("weft.v1.Control/TransferLeadership", "to another voter", call, { bare: { code: "OK", response: moved } }),
  ];
}

/** And back to "a". */
export function handedBack(): readonly Row[] {
  const call = { request: { id: "a", here: true } };
  const moved = { leader: "a", moved: true };
  return [row("weft.v1.Control/TransferLeadership", "back", call, { proxied: { code: "OK", response: moved } })];
}

/** A backup of the mesh itself, put back. */
export function restored(pieces: readonly object[]): readonly Row[] {
  const RESTORE = "weft.v1.Control/Restore";
  return [
    row(RESTORE, "a backup that is cut off", { request: pieces.slice(0, 1) }, { leader: INVALID }, "socket"),
    row(RESTORE, "a backup", { request: [...pieces] }, {
      leader: { code: "OK", response: { state_hash: /^[0-9a-f]{64}$/ } },
    }, "socket"),
  ];
}

/** What belongs to gRPC itself. */
export function standard(services: Readonly<Record<string, readonly string[]>>): readonly Row[] {
  const health = (method: string) => `grpc.health.v1.Health/${method}`;
  const SERVING = { status: "SERVING" };
  const reflection = ["v1", "v1alpha"].flatMap((version) => {
    const ask = (what: string, request: object, response: unknown, asker: Row["asker"] = "stranger") =>
      row(
        `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        what,
        { request },
        everywhere({ code: "OK", response }),
        asker,
      );
    return [
      ask("an unknown symbol", { file_containing_symbol: "no.Such" }, { error_response: { error_code: 5 } }),
      ask("an unknown file", { file_by_filename: "no.proto" }, { error_response: { error_code: 5 } }),
      ask("a file", { file_by_filename: "v1/node.proto" }, { file_descriptor_response: {} }),
      ask("an extension", { file_containing_extension: { containing_type: "v1.Status", extension_number: 1 } }, {
        error_response: { error_code: 5 },
      }),
      ask("numbers of extensions", { all_extension_numbers_of_type: "v1.Status" }, {
        all_extension_numbers_response: { base_type_name: "v1.Status" },
      }),
      ask("nothing", { host: "x" }, { error_response: { error_code: 3 } }),
      ask("through the socket", { list_services: "" }, { list_services_response: {} }, "socket"),
    ];
  });
  const listed = (statuses: unknown) =>
    Object.keys(statuses as object).sort().join() === ["", ...services["health"] ?? []].sort().join();
  return [
    row(health("Check"), "the node", {}, everywhere({ code: "OK", response: SERVING }), "stranger"),
    row(
      health("Check"),
      "a service",
      { request: { service: "v1.Node" } },
      everywhere({ code: "OK", response: SERVING }),
    ),
    row(health("Check"), "no such service", { request: { service: "v1.Nothing" } }, everywhere(NOT_FOUND)),
    row(health("List"), "all", {}, everywhere({ code: "OK", response: { statuses: listed } }), "stranger"),
    row(health("Watch"), "the node", { take: 1 }, everywhere({ code: "CANCELLED", response: SERVING }), "stranger"),
    row(
      health("Watch"),
      "no such service",
      { request: { service: "v1.Nothing" }, take: 1 },
      everywhere({ code: "CANCELLED", response: { status: "SERVICE_UNKNOWN" } }),
    ),
    row(health("Watch"), "until the deadline", { seconds: 0.2 }, everywhere({ ...LATE, responses: [SERVING] })),
    ...reflection,
    row("v1.WebRTC/StartDataChannel", "not served", {}, everywhere(UNIMPLEMENTED)),
    row("v1.WebRTC/StartDataChannel", "nor by the leader", { metadata: PREFER }, everywhere(UNIMPLEMENTED)),
    row("v1.Nothing/At", "no such service", { raw: [""] }, everywhere({ code: "UNIMPLEMENTED" })),
    row("v1.Node/Nothing", "no such method", { raw: [""], metadata: PREFER }, everywhere({ code: "UNIMPLEMENTED" })),
  ];
}

/** Followers without `v1.Mesh`, `v1.PeerDiscovery` and `v1.Admin`; the leader has them. */
export function withoutServices(): readonly Row[] {
  const missing = (method: string, request: object, what = "not served here"): Row[] => [
    row(method, what, { request }, { leader: OK, proxied: UNIMPLEMENTED, bare: UNIMPLEMENTED }),
    row(method, "preferred at the leader", { request, metadata: PREFER }, {
      leader: OK,
      proxied: OK,
      bare: UNIMPLEMENTED,
    }),
    row(method, "weak", { request, metadata: level("weak") }, { leader: OK, proxied: OK, bare: UNIMPLEMENTED }),
  ];
  const write = (method: string, request: object) =>
    row(method, "not served here", { request }, { leader: OK, proxied: OK, bare: UNIMPLEMENTED });
  return [
    ...missing("v1.Mesh/GetNode", { id: "a" }),
    ...missing("v1.Mesh/ListNodes", {}),
    ...missing("v1.PeerDiscovery/ListPeers", {}),
    ...missing("v1.Admin/GetRaftACL", { name: "all" }),
    ...missing("v1.Admin/ListRaftACLs", {}),
    write("v1.Admin/PutRaftACL", { name: "all", patterns: ["*"], action: "ALLOW" }),
    write("v1.Admin/DeleteRaftACL", { name: "nothing" }),
    row("v1.Mesh/ListNodes", "of a stranger", { metadata: PREFER }, everywhere(DENIED), "stranger"),
  ];
}

/** "c" is down; "a" and "b" are a majority. */
export function oneDown(): readonly Row[] {
  const unreachable: Expected = { code: "UNAVAILABLE", details: /^Cannot reach 10\.83\.0\.3:/ };
  const there: Answers = { leader: unreachable, proxied: unreachable };
  const up = (expected: Expected): Answers => ({ leader: expected, proxied: expected });
  const deny = { request: { name: "tight", patterns: ["b"], action: "DENY" } };
  return [
    row("v1.Node/GetStatus", "of who is down", { request: { id: "c" } }, there),
    row("weft.v1.Control/GetNodeStatus", "of who is down", { request: { id: "c" } }, there),
    row("weft.v1.Control/GetNodeMetrics", "of who is down", { request: { id: "c" } }, there),
    row("weft.v1.Control/TransferLeadership", "to who is down", { request: { id: "c" } }, { leader: TIMEOUT }),
    row(
      "v1.Admin/PutRaftACL",
      "a voter is needed",
      deny,
      { proxied: { code: "OK", trailers: { "raft-kept": "b", "raft-demoted": undefined } } },
    ),
    row(
      "weft.v1.Control/GetNodeStatus",
      "who votes and may not",
      { metadata: level("linearizable") },
      up({
        code: "OK",
        response: { health: [{ code: "node.kept_voters", severity: "medium", text: /: b$/ }] },
      }),
    ),
    row(
      "v1.Admin/DeleteRaftACL",
      "it may vote again",
      { request: { name: "tight" } },
      up({ code: "OK", trailers: { "raft-kept": undefined } }),
    ),
    row(
      "weft.v1.Control/GetNodeStatus",
      "nobody votes who may not",
      { metadata: level("linearizable") },
      up({ code: "OK", response: { health: undefined } }),
    ),
  ];
}

/** Nobody leads. "leader" is the node that did; it has the proxy. */
export function nobodyLeads(hasProxy: boolean): readonly Row[] {
  const here = (expected: Expected): Answers => ({ leader: expected });
  const acl = { name: "x", patterns: ["*"], action: "ALLOW" };
  const writes: [string, object][] = [
    ["v1.Node/Join", { id: "p7", public_key: "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }],
    ["v1.Node/Leave", { id: "p1" }],
    ["v1.Admin/PutRaftACL", acl],
    ["v1.Admin/DeleteRaftACL", { name: "x" }],
  ];
  const reads: [string, object][] = [
    ["v1.Mesh/GetNode", { id: "a" }],
    ["v1.Mesh/ListNodes", {}],
    ["v1.PeerDiscovery/ListPeers", {}],
    ["v1.Admin/GetRaftACL", { name: "all" }],
    ["v1.Admin/ListRaftACLs", {}],
    ["v1.Node/GetStatus", {}],
    ["weft.v1.Control/GetNodeStatus", {}],
    ["weft.v1.Control/ListNodes", {}],
    ["weft.v1.Control/GetRaftStatus", {}],
    ["weft.v1.Control/Query", { sql: "SELECT 1" }],
    ["weft.v1.Control/Backup", {}],
  ];
  return [
    ...writes.map(([method, request]) => row(method, "nobody leads", { request }, here(NO_LEADER))),
    ...hasProxy
      ? writes.map(([method, request]) => row(method, "no time to wait", { request, seconds: 0.2 }, here(LATE)))
      : [],
    ...reads.flatMap(([method, request]) => [
      row(method, "nobody leads", { request }, here(OK)),
      row(method, "nobody leads, preferred", { request, metadata: PREFER }, here(OK)),
      ...["weak", "strong", "linearizable"].map((kind) =>
        row(method, `nobody leads, ${kind}`, { request, metadata: level(kind) }, here(NO_LEADER))
      ),
    ]),
    row("weft.v1.Control/GetNodeMetrics", "nobody leads", {}, here(OK)),
    row("weft.v1.Control/ListRaftMembers", "nobody leads", {}, here(OK)),
    row("weft.v1.Control/TakeSnapshot", "nobody leads", {}, here(OK)),
    row("weft.v1.Control/TransferLeadership", "nobody leads", {}, here(NO_LEADER)),
    row("weft.v1.Control/Restore", "nobody leads", {}, here(NO_LEADER), "socket"),
    row("weft.v1.Control/Leave", "nobody leads", {}, here(NO_LEADER), "socket"),
  ];
}

/** A query costs a thread; what no interceptor stands in front of, "b" answers as "c" does. */
function withoutProxied(row: Row): Row {
  const { proxied: _, ...answers } = row.answers;
  return { ...row, answers };
}

function idsOf(nodes: unknown): string {
  return Array.isArray(nodes) ? nodes.map(({ id }) => id).join() : "";
}

function matchesPeer(peer: { id?: string; public_key?: string } | undefined, id: string): boolean {
  return peer?.id === id && someText(peer.public_key);
}
