/**
 * The Webmesh v1 wire API, typed a second time: every service, message, field and enum by name, number and type.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  create,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { file_v1_admin } from "../../proto/gen/v1/admin_pb.ts";
import { ACLAction, file_v1_admin_messages, RaftACLSchema } from "../../proto/gen/v1/admin_messages_pb.ts";
import { file_v1_mesh } from "../../proto/gen/v1/mesh_pb.ts";
import { file_v1_mesh_messages } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { file_v1_node } from "../../proto/gen/v1/node_pb.ts";
import { file_v1_node_messages, JoinRequestSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import { file_v1_node_metrics } from "../../proto/gen/v1/node_metrics_pb.ts";
import {
  file_v1_node_raft,
  RaftCommandType,
  RaftLogEntrySchema,
  SQLParameterSchema,
  SQLParameterType,
} from "../../proto/gen/v1/node_raft_pb.ts";
import { file_v1_peer_discovery } from "../../proto/gen/v1/peer_discovery_pb.ts";
import { file_v1_webrtc } from "../../proto/gen/v1/webrtc_pb.ts";
import { file_v1_webrtc_messages } from "../../proto/gen/v1/webrtc_messages_pb.ts";

/** File to package. */
const FILES: readonly (readonly [file: DescFile, name: string, packageName: string])[] = [
  [file_v1_admin, "v1/admin.proto", "v1"],
  [file_v1_admin_messages, "v1/admin_messages.proto", ""],
  [file_v1_mesh, "v1/mesh.proto", "v1"],
  [file_v1_mesh_messages, "v1/mesh_messages.proto", "v1"],
  [file_v1_node, "v1/node.proto", "v1"],
  [file_v1_node_messages, "v1/node_messages.proto", "v1"],
  [file_v1_node_metrics, "v1/node_metrics.proto", "v1"],
  [file_v1_node_raft, "v1/node_raft.proto", "v1"],
  [file_v1_peer_discovery, "v1/peer_discovery.proto", "v1"],
  [file_v1_webrtc, "v1/webrtc.proto", "v1"],
  [file_v1_webrtc_messages, "v1/webrtc_messages.proto", "v1"],
];

/** Message to fields: `number name type`, in order of numbers. */
const MESSAGES: Readonly<Record<string, string>> = {
  "RaftACL": "1 name string; 2 patterns repeated string; 3 action ACLAction",
  "RaftACLList": "1 items repeated RaftACL",
  "DeleteRaftACLRequest": "1 name string",
  "GetRaftACLRequest": "1 name string",
  "v1.GetNodeRequest": "1 id string",
  "v1.MeshNode": "1 id string; 2 primary_endpoint string; 3 endpoints repeated string; 4 raft_port int32; " +
    "5 grpc_port int32; 6 wireguard_port int32; 7 public_key string; 8 private_ipv4 string; 9 private_ipv6 string; " +
    "10 updated_at google.protobuf.Timestamp; 11 created_at google.protobuf.Timestamp; " +
    "12 cluster_status v1.ClusterStatus",
  "v1.NodeList": "1 nodes repeated v1.MeshNode",
  "v1.JoinRequest": "1 id string; 2 public_key string; 3 raft_port int32; 4 grpc_port int32; 5 wireguard_port int32; " +
    "6 primary_endpoint string; 7 endpoints repeated string; 8 assign_ipv4 bool; 9 prefer_raft_ipv6 bool; " +
    "10 as_voter bool",
  "v1.JoinResponse": "1 address_ipv4 string; 2 network_ipv6 string; 3 peers repeated v1.WireguardPeer",
  "v1.WireguardPeer": "1 id string; 2 public_key string; 3 primary_endpoint string; 4 endpoints repeated string; " +
    "5 address_ipv4 string; 6 address_ipv6 string",
  "v1.LeaveRequest": "1 id string",
  "v1.GetStatusRequest": "1 id string",
  "v1.Status": "1 id string; 2 version string; 3 commit string; 4 build_date string; 5 uptime string; " +
    "6 started_at google.protobuf.Timestamp; 7 features repeated v1.Feature; 8 wireguard_peers uint32; " +
    "9 cluster_status v1.ClusterStatus; 10 current_leader string",
  "v1.DataChannelNegotiation": "1 proto string; 2 src string; 3 dst string; 4 port uint32; 5 offer string; " +
    "6 answer string; 7 candidate string; 8 stun_servers repeated string",
  "v1.StartDataChannelRequest": "1 node_id string; 2 proto string; 3 dst string; 4 port uint32; 5 answer string; " +
    "6 candidate string",
  "v1.DataChannelOffer": "1 offer string; 2 stun_servers repeated string; 3 candidate string",
  "v1.ListRaftPeersResponse": "1 peers repeated v1.RaftPeer",
  "v1.RaftPeer": "1 id string; 2 address string; 3 voter bool; 4 leader bool",
  "v1.RaftLogEntry": "1 type v1.RaftCommandType; 2 sql_query v1.SQLQuery; 3 sql_exec v1.SQLExec",
  "v1.SQLQuery": "1 transaction bool; 2 statement v1.SQLStatement",
  "v1.SQLExec": "1 transaction bool; 2 statement v1.SQLStatement",
  "v1.SQLStatement": "1 sql string; 2 parameters repeated v1.SQLParameter",
  "v1.SQLParameter": "1 name string; 2 type v1.SQLParameterType; 3 int64 sint64; 4 double double; 5 bool bool; " +
    "6 bytes bytes; 7 str string; 8 time google.protobuf.Timestamp",
  "v1.SQLValues": "1 values repeated v1.SQLParameter",
  "v1.SQLQueryResult": "1 columns repeated string; 2 types repeated string; 3 values repeated v1.SQLValues; " +
    "4 error string; 5 time string",
  "v1.SQLExecResult": "1 last_insert_id int64; 2 rows_affected int64; 3 error string; 4 time string",
  "v1.RaftApplyResponse": "1 time string; 2 query_result v1.SQLQueryResult; 3 exec_result v1.SQLExecResult; " +
    "4 error string",
  "v1.NodeMetrics": "1 device_name string; 2 public_key string; 3 address_v4 string; 4 address_v6 string; " +
    "5 type string; 6 listen_port int32; 7 total_receive_bytes uint64; 8 total_transmit_bytes uint64; " +
    "9 peers repeated v1.PeerMetrics; 10 system v1.HostMetrics",
  "v1.PeerMetrics": "1 public_key string; 2 endpoint string; 3 persistent_keep_alive string; " +
    "4 last_handshake_time string; 5 allowed_ips repeated string; 6 protocol_version int64; 7 receive_bytes uint64; " +
    "8 transmit_bytes uint64",
  "v1.HostMetrics": "1 host v1.HostInfo; 2 cpu v1.CPUTimes; 3 memory v1.MemoryInfo; 4 disks repeated v1.DiskInfo",
  "v1.HostInfo": "1 architecture string; 2 boot_time string; 3 containerized bool; 4 hostname string; " +
    "5 ips repeated string; 6 kernel_version string; 7 macs repeated string; 8 os v1.OSInfo; 9 timezone string; " +
    "10 uptime string",
  "v1.CPUTimes": "1 load_average v1.LoadAverage; 2 user string; 3 system string; 4 idle string; 5 io_wait string; " +
    "6 irq string; 7 nice string; 8 soft_irq string; 9 steal string",
  "v1.LoadAverage": "1 one float; 2 five float; 3 fifteen float",
  "v1.MemoryInfo": "1 total uint64; 2 used uint64; 3 available uint64; 4 free uint64; 5 virtual_total uint64; " +
    "6 virtual_used uint64; 7 virtual_free uint64",
  "v1.DiskInfo": "1 filesystem_path string; 2 device string; 3 total uint64; 4 free uint64; 5 used uint64; " +
    "6 used_percent float; 7 inodes_total uint64; 8 inodes_free uint64; 9 inodes_used uint64; " +
    "10 inodes_used_percent float",
  "v1.OSInfo": "1 type string; 2 family string; 3 platform string; 4 name string; 5 version string; 6 major int64; " +
    "7 minor int64; 8 patch int64; 9 build string; 10 codename string",
};

/** Enum to values. */
const ENUMS: Readonly<Record<string, string>> = {
  "ACLAction": "0 DENY; 1 ALLOW",
  "v1.ClusterStatus": "0 CLUSTER_STATUS_UNKNOWN; 1 CLUSTER_LEADER; 2 CLUSTER_VOTER; 3 CLUSTER_NON_VOTER",
  "v1.Feature": "0 FEATURE_NONE; 1 NODES; 2 LEADER_PROXY; 3 MESH_API; 4 PEER_DISCOVERY; 5 METRICS; " +
    "6 ICE_NEGOTIATION; 7 TURN_SERVER; 8 MESH_DNS",
  "v1.DataChannel": "0 CHANNELS; 1 CONNECTIONS",
  "v1.RaftCommandType": "0 UNKNOWN; 1 QUERY; 2 EXECUTE",
  "v1.SQLParameterType": "0 SQL_PARAM_UNKNOWN; 1 SQL_PARAM_INT64; 2 SQL_PARAM_DOUBLE; 3 SQL_PARAM_BOOL; " +
    "4 SQL_PARAM_BYTES; 5 SQL_PARAM_STRING; 6 SQL_PARAM_TIME; 7 SQL_PARAM_NULL",
};

/** Method path to kind, request and response. */
const METHODS: Readonly<Record<string, string>> = {
  "/v1.Node/Join": "unary v1.JoinRequest v1.JoinResponse",
  "/v1.Node/Leave": "unary v1.LeaveRequest google.protobuf.Empty",
  "/v1.Node/GetStatus": "unary v1.GetStatusRequest v1.Status",
  "/v1.Node/NegotiateDataChannel": "bidi_streaming v1.DataChannelNegotiation v1.DataChannelNegotiation",
  "/v1.Mesh/GetNode": "unary v1.GetNodeRequest v1.MeshNode",
  "/v1.Mesh/ListNodes": "unary google.protobuf.Empty v1.NodeList",
  "/v1.Admin/PutRaftACL": "unary RaftACL google.protobuf.Empty",
  "/v1.Admin/DeleteRaftACL": "unary DeleteRaftACLRequest google.protobuf.Empty",
  "/v1.Admin/GetRaftACL": "unary GetRaftACLRequest RaftACL",
  "/v1.Admin/ListRaftACLs": "unary google.protobuf.Empty RaftACLList",
  "/v1.PeerDiscovery/ListPeers": "unary google.protobuf.Empty v1.ListRaftPeersResponse",
  "/v1.WebRTC/StartDataChannel": "bidi_streaming v1.StartDataChannelRequest v1.DataChannelOffer",
};

const types = FILES.flatMap(([file]) => [...nestedTypes(file)]);

function messageText(message: DescMessage): string {
  return message.fields.map((field) => `${field.number} ${field.name} ${fieldType(field)}`).join("; ");
}

function fieldType(field: DescField): string {
  const scalar = (type: ScalarType) => ScalarType[type].toLowerCase();
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar);
    case "enum":
      return field.enum.typeName;
    case "message":
      return field.message.typeName;
    case "list":
      return `repeated ${field.listKind === "scalar" ? scalar(field.scalar) : (field.enum ?? field.message)?.typeName}`;
    case "map":
      return "map";
  }
}

function enumText(type: DescEnum): string {
  return type.values.map(({ number, name }) => `${number} ${name}`).join("; ");
}

for (const [file, name, packageName] of FILES) {
  Deno.test(`${name}: is proto3 in package "${packageName}"`, () => {
    assert.equal(file.proto.name, name);
    assert.equal(file.proto.package, packageName);
    assert.equal(file.proto.syntax, "proto3");
  });
}

Deno.test("messages: have these fields, and there are no others", () => {
  const messages = types.filter((type) => type.kind === "message");
  const actual = Object.fromEntries(messages.map((message) => [message.typeName, messageText(message)]));
  assert.deepEqual(actual, MESSAGES);
});

Deno.test("messages: no field is in a oneof, so absent and zero are one thing", () => {
  for (const type of types) {
    if (type.kind === "message") {
      assert.deepEqual([type.typeName, type.oneofs, type.proto.oneofDecl], [type.typeName, [], []]);
    }
  }
});

Deno.test("enums: have these values, and there are no others", () => {
  const enums = types.filter((type) => type.kind === "enum");
  assert.deepEqual(Object.fromEntries(enums.map((type) => [type.typeName, enumText(type)])), ENUMS);
});

Deno.test("services: have these methods at these paths, and there are no others", () => {
  const methods = FILES.flatMap(([file]) => file.services.flatMap((service) => service.methods));
  const actual = methods.map((method) => [
    `/${method.parent.typeName}/${method.name}`,
    `${method.methodKind} ${method.input.typeName} ${method.output.typeName}`,
  ]);
  assert.deepEqual(Object.fromEntries(actual), METHODS);
});

Deno.test("JoinRequest: golden bytes", () => {
  const bytes = toBinary(
    JoinRequestSchema,
    create(JoinRequestSchema, {
      id: "a",
      publicKey: "k",
      raftPort: 9443,
      grpcPort: 8443,
      wireguardPort: 51820,
      primaryEndpoint: "1.2.3.4",
      endpoints: ["::1"],
      assignIpv4: true,
      preferRaftIpv6: true,
      asVoter: true,
    }),
  );
  assert.equal(
    bytes.toHex(),
    "0a0161" + "12016b" + "18e349" + "20fb41" + "28ec9403" + "3207312e322e332e34" + "3a033a3a31" + "4001" + "4801" +
      "5001",
  );
});

Deno.test("RaftACL: golden bytes, and DENY is not written", () => {
  const deny = create(RaftACLSchema, { name: "n", patterns: ["a*", "b"], action: ACLAction.DENY });
  assert.equal(toBinary(RaftACLSchema, deny).toHex(), "0a016e" + "1202612a" + "120162");
  const allow = create(RaftACLSchema, { name: "n", action: ACLAction.ALLOW });
  assert.equal(toBinary(RaftACLSchema, allow).toHex(), "0a016e" + "1801");
});

Deno.test("SQLParameter: int64 is zigzag", () => {
  const parameter = create(SQLParameterSchema, { type: SQLParameterType.SQL_PARAM_INT64, int64: -1n });
  assert.equal(toBinary(SQLParameterSchema, parameter).toHex(), "1001" + "1801");
});

Deno.test("RaftLogEntry: golden bytes", () => {
  const entry = create(RaftLogEntrySchema, {
    type: RaftCommandType.EXECUTE,
    sqlExec: {
      transaction: true,
      statement: {
        sql: "x",
        parameters: [
          { name: "s", type: SQLParameterType.SQL_PARAM_STRING, str: "v" },
          { name: "t", type: SQLParameterType.SQL_PARAM_TIME, time: { seconds: 1n, nanos: 2 } },
        ],
      },
    },
  });
  const parameters = "1208" + "0a0173" + "1005" + "3a0176" + "120b" + "0a0174" + "1006" + "4204" + "0801" + "1002";
  const statement = "0a0178" + parameters;
  const exec = "0801" + "12" + (statement.length / 2).toString(16).padStart(2, "0") + statement;
  assert.equal(
    toBinary(RaftLogEntrySchema, entry).toHex(),
    "0802" + "1a" + (exec.length / 2).toString(16).padStart(2, "0") + exec,
  );
});
