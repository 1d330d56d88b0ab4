import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { PLAIN_LAYOUT, printable, styleFor } from "../../../core/cli/format.ts";
import { statusJson, statusLines } from "../../../core/cli/status_view.ts";
import { ClusterStatus, Feature } from "../../../proto/gen/v1/mesh_messages_pb.ts";
import { type NodeStatus, NodeStatusSchema } from "../../../proto/gen/weft/v1/control_pb.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const NAS_KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

type Fields = Omit<Exclude<Parameters<typeof create<typeof NodeStatusSchema>>[1], NodeStatus | undefined>, "$typeName">;

function statusOf(changes: Fields = {}): NodeStatus {
  return create(NodeStatusSchema, {
    status: {
      id: "laptop",
      version: "0.1.0",
      commit: "abc1234",
      buildDate: "source",
      uptime: "1h2m3s",
      startedAt: timestampFromMs(NOW_MS - 3_723_000),
      features: [Feature.NODES],
      wireguardPeers: 2,
      clusterStatus: ClusterStatus.CLUSTER_VOTER,
      currentLeader: "nas",
    },
    addresses: {
      ipv4: "172.16.0.2/12",
      ipv6: "fd00:1:2:2::1/64",
      networkIpv4: "172.16.0.0/12",
      networkIpv6: "fd00:1:2::/48",
      interface: "weft0",
      mtu: 1420,
      wireguardPort: 51820,
      raftPort: 9443,
      grpcPort: 8443,
      publicKey: NAS_KEY,
      primaryEndpoint: "203.0.113.9",
      endpoints: ["2001:db8::9"],
    },
    raft: {
      role: "follower",
      term: 12n,
      commitIndex: 48_210n,
      appliedIndex: 48_209n,
      stateHash: "0123456789abcdef".repeat(4),
      leader: "nas",
      members: [{ id: "laptop", raftId: 2n, voter: true }, { id: "nas", raftId: 1n, voter: true }, {
        id: "phone",
        raftId: 3n,
        voter: false,
      }],
    },
    peers: [
      {
        id: "nas",
        publicKey: NAS_KEY,
        endpoint: "203.0.113.1:51820",
        allowedIps: ["172.16.0.1/32", "fd00:1:2:1::/64"],
        lastHandshake: timestampFromMs(NOW_MS - 41_000),
        rxBytes: 1_288_490_189n,
        txBytes: 92_274_688n,
        ipv4: "172.16.0.1/12",
        ipv6: "fd00:1:2:1::1/64",
      },
      { id: "phone", publicKey: "", rxBytes: 0n, txBytes: 148n, ipv6: "fd00:1:2:3::1/64" },
    ],
    ...changes,
  });
}

Deno.test("statusJson: the fields other programs read, in their order", () => {
  const json = statusJson(statusOf());
  assert.deepEqual(Object.keys(json), [
    "id",
    "version",
    "commit",
    "buildDate",
    "uptime",
    "startedAt",
    "features",
    "wireguardPeers",
    "clusterStatus",
    "currentLeader",
    "addresses",
    "raft",
    "peers",
    "plugins",
    "health",
  ]);
  assert.deepEqual(json, {
    id: "laptop",
    version: "0.1.0",
    commit: "abc1234",
    buildDate: "source",
    uptime: "1h2m3s",
    startedAt: "2026-01-02T02:02:02Z",
    features: ["NODES"],
    wireguardPeers: 2,
    clusterStatus: "CLUSTER_VOTER",
    currentLeader: "nas",
    addresses: {
      ipv4: "172.16.0.2/12",
      ipv6: "fd00:1:2:2::1/64",
      networkIpv4: "172.16.0.0/12",
      networkIpv6: "fd00:1:2::/48",
      interface: "weft0",
      mtu: 1420,
      wireguardPort: 51820,
      raftPort: 9443,
      grpcPort: 8443,
      publicKey: NAS_KEY,
      primaryEndpoint: "203.0.113.9",
      endpoints: ["2001:db8::9"],
    },
    raft: {
      role: "follower",
      leader: "nas",
      term: 12,
      commitIndex: 48210,
      appliedIndex: 48209,
      stateHash: "0123456789abcdef".repeat(4),
      quarantine: "",
      members: [
        { id: "laptop", raftId: 2, voter: true },
        { id: "nas", raftId: 1, voter: true },
        { id: "phone", raftId: 3, voter: false },
      ],
    },
    peers: [
      {
        id: "nas",
        publicKey: NAS_KEY,
        ipv4: "172.16.0.1/12",
        ipv6: "fd00:1:2:1::1/64",
        endpoint: "203.0.113.1:51820",
        allowedIps: ["172.16.0.1/32", "fd00:1:2:1::/64"],
        lastHandshake: "2026-01-02T03:03:24.000Z",
        rxBytes: 1_288_490_189,
        txBytes: 92_274_688,
      },
      {
        id: "phone",
        publicKey: "",
        ipv4: "",
        ipv6: "fd00:1:2:3::1/64",
        endpoint: "",
        allowedIps: [],
        lastHandshake: null,
        rxBytes: 0,
        txBytes: 148,
      },
    ],
    plugins: [],
    health: [],
  });
});

Deno.test("statusJson: no field is missing when the node says nothing", () => {
  const empty = statusJson(create(NodeStatusSchema, { status: {} }));
  const full = statusJson(statusOf());
  const keys = (value: unknown) => Object.keys(value as object).sort();
  // The one field that protobuf JSON leaves out: a time that is not set.
  assert.deepEqual(keys({ ...empty, startedAt: "" }), keys(full));
  assert.deepEqual(keys(empty["addresses"]), keys(full["addresses"]));
  assert.deepEqual(keys(empty["raft"]), keys(full["raft"]));
  assert.deepEqual(statusJson(create(NodeStatusSchema))["peers"], []);
});

Deno.test("statusLines: the node, its place in Raft, and a row per peer", () => {
  assert.deepEqual(statusLines(statusOf(), NOW_MS, PLAIN_LAYOUT), [
    "laptop  follower  leader nas  term 12  3 members, 2 voters  up 1h2m3s",
    "addresses  172.16.0.2/12  fd00:1:2:2::1/64",
    "interface  weft0  mtu 1420  udp 51820",
    "raft       commit 48210  applied 48209  state 0123456789abcdef",
    "",
    "PEER   IPV4           IPV6              ENDPOINT           HANDSHAKE  RX       TX",
    "nas    172.16.0.1/12  fd00:1:2:1::1/64  203.0.113.1:51820  41s        1.2 GiB  88 MiB",
    "phone  -              fd00:1:2:3::1/64  -                  never      0 B      148 B",
  ]);
});

Deno.test("statusLines: a node without leader, peers and addresses", () => {
  const style = styleFor(true);
  const status = statusOf({ peers: [], addresses: {}, raft: { role: "candidate" } });
  const lines = statusLines(status, NOW_MS, { style, columns: 80 });
  assert.equal(
    lines[0],
    `${style.bold("laptop")}  candidate  ${style.red("no leader")}  term 0  0 members, 0 voters  up 1h2m3s`,
  );
  assert.equal(lines[1], "addresses  -");
  assert.match(lines.at(-1) ?? "", /no peers yet/);
});

Deno.test("statusLines: no text of another node can drive the terminal", () => {
  const evil = "\u001b[2J\u202e\nroot";
  const status = statusOf({
    status: { id: evil, uptime: evil },
    addresses: { ipv4: evil, ipv6: evil, interface: evil },
    raft: { role: evil, leader: evil, stateHash: evil, members: [{ id: evil }] },
    peers: [{ id: evil, publicKey: evil, endpoint: evil, ipv4: evil, ipv6: evil }],
  });
  for (const line of statusLines(status, NOW_MS, PLAIN_LAYOUT)) assert.equal(printable(line), line);
});

Deno.test("statusLines: a narrow terminal gets a block per peer", () => {
  const lines = statusLines(statusOf(), NOW_MS, { style: styleFor(false), columns: 60 });
  assert.deepEqual(lines.slice(5, 14), [
    "PEER       nas",
    "IPV4       172.16.0.1/12",
    "IPV6       fd00:1:2:1::1/64",
    "ENDPOINT   203.0.113.1:51820",
    "HANDSHAKE  41s",
    "RX         1.2 GiB",
    "TX         88 MiB",
    "",
    "PEER       phone",
  ]);
});

Deno.test("statusLines: a replica out of service says so", () => {
  const quarantine = "This replica differs from the majority";
  const lines = statusLines(statusOf({ peers: [], raft: { quarantine } }), NOW_MS, PLAIN_LAYOUT);
  assert(lines.some((line) => line.includes(`quarantine ${quarantine}`)));
});

Deno.test("statusLines, statusJson: what is wrong, and what to do about it", () => {
  const line = { code: "node.kept_voters", severity: "medium", text: "kept: b\x1b", fix: "Start them." };
  const status = statusOf({ peers: [], health: [line] });
  const lines = statusLines(status, NOW_MS, PLAIN_LAYOUT);
  assert(lines.includes("  Start them."), lines.join("\n"));
  assert(lines.some((text) => text.startsWith("! node.kept_voters: kept: b") && !text.includes("\x1b")));
  assert.deepEqual(statusJson(status)["health"], [line]);
});
