/**
 * What a plugin is written against: types, the errors that callers and operators see, and a reader for options. Plugins
 * inside this repository get the same names from `core/mod.ts`; others import `@weft/weft/plugin`.
 *
 * @module
 */
export { deleteRaftAcl, putRaftAcl } from "./commands.ts";
export type { DnsBoard, DnsData, DnsOffer, DnsOffers } from "./dns.ts";
export { DNS_OFFERS_MAX } from "./dns.ts";
export { ConfigError, MeshError } from "./errors.ts";
export type { MeshErrorDetails, MeshErrorReason } from "./errors.ts";
export type { HealthLine, HealthSeverity, StatusLines } from "./health.ts";
export type { Host } from "./host.ts";
export type { Leader, LeaderFacts, RawCall, RawCallOptions } from "./leader.ts";
export type {
  Http,
  Listen,
  ListenAddress,
  OnConnection,
  OnDatagram,
  OnRequest,
  SocketPeer,
  TcpConnection,
  TcpPort,
  UdpPort,
} from "./listen.ts";
export type {
  Counter,
  Gauge,
  Histogram,
  LabelValues,
  MetricFamilies,
  MetricFamily,
  Metrics,
  MetricSpec,
  MetricType,
  Sample,
  Series,
} from "./metrics.ts";
export type { BuildFacts, DeviceFacts, NodeFacts, NodeSettings, PeerFacts } from "./node_facts.ts";
export { OptionError, OptionReader } from "./options.ts";
export type { OptionKind, PluginOption } from "./options.ts";
export type { PluginPhase, PluginState, PluginStates } from "./plugin_state.ts";
export type { Capability, Plugin, Start } from "./plugin.ts";
export {
  APPLIED_INDEX_KEY,
  DEFAULT_READ_LEVEL,
  needsLeader,
  PREFER_LEADER_KEY,
  READ_CONSISTENCY_KEY,
  READ_LEVEL_KINDS,
  readLevelMetadata,
  readWishOf,
} from "./read_level.ts";
export type { Freshness, ReadLevel, ReadWish } from "./read_level.ts";
export type { Resolver, ResolverRoute } from "./resolver.ts";
export type {
  BiDiStreamingMethod,
  ClientStreamingMethod,
  Intercept,
  RpcAuthorisation,
  RpcCall,
  RpcContext,
  RpcInterceptor,
  RpcMetadata,
  RpcMethodFor,
  RpcNext,
  RpcPeer,
  RpcService,
  RpcServiceFor,
  RpcServices,
  ServerStreamingMethod,
  UnaryMethod,
} from "./rpc.ts";
export type { Command, Propose, Read } from "./state.ts";
export type { OwnTables, Tables, TableSchema, TableStatement } from "./tables.ts";
export type { Tasks, Time, Timer } from "./tasks.ts";
export { VOTE_OUTCOME_IDS_MAX, VOTE_OUTCOME_KINDS, voteOutcomeOf, voteOutcomeTrailers } from "./vote_outcome.ts";
export type { VoteOutcome } from "./vote_outcome.ts";
// The replicated state, as queries and commands speak of it.
export type { Clock } from "../seams/clock.ts";
export type { Log, LogFields } from "../seams/log.ts";
export type { Random } from "../seams/random.ts";
export type { SqlParameters, SqlRows, SqlValue } from "../seams/sql_database.ts";
export { equalBytes } from "../bytes/constant_time.ts";
export { hmacSha256 } from "../crypto/sha256.ts";
export { IpAddress } from "../ip/address.ts";
export { Prefix } from "../ip/prefix.ts";
export type { StateReader } from "../state/apply.ts";
export { listLeases } from "../state/queries/leases.ts";
export { listNodes } from "../state/queries/list_nodes.ts";
export { meshInfo } from "../state/queries/mesh_info.ts";
export type { MeshInfo } from "../state/queries/mesh_info.ts";
export { nodeById, nodeByName, nodeByPublicKey } from "../state/queries/node_by_id.ts";
export type { NodeRecord } from "../state/queries/node_record.ts";
export { listRaftAcls, raftAclByName } from "../state/queries/raft_acls.ts";
export type { RaftAclRecord } from "../state/queries/raft_acls.ts";
export { raftMembers } from "../state/queries/raft_members.ts";
export type { RaftMember } from "../state/queries/raft_members.ts";
export type { RaftAclResult } from "../state/commands/put_raft_acl.ts";
export { validateNodeId } from "../state/node_id.ts";
export { validateRaftAcl, validateRaftAclName, voteVerdict } from "../state/raft_acl.ts";
export type { RaftAcl } from "../state/raft_acl.ts";
export type { RaftStatus } from "../raft/status.ts";
