/**
 * A bootstrapped mesh for tests: one replica, a log index that counts by itself, nodes made from numbers.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { RaftApplyResponse, RaftLogEntry } from "../../../proto/gen/v1/node_raft_pb.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import type { SqlEngine } from "../../../core/seams/sql_database.ts";
import { StateMachine } from "../../../core/state/apply.ts";
import { encodeEntry } from "../../../core/state/codec.ts";
import { bootstrapCommand, type BootstrapParameters } from "../../../core/state/commands/bootstrap_mesh.ts";
import { joinCommand, type JoinParameters, parseJoinResult } from "../../../core/state/commands/join_node.ts";
import { leaveCommand, parseLeaveResult } from "../../../core/state/commands/leave_node.ts";
import { migrateCommand } from "../../../core/state/commands/migrate.ts";
import { SCHEMA_VERSION } from "../../../core/state/migrations.ts";
import type { NodeRecord } from "../../../core/state/queries/node_record.ts";
import type { Refusal } from "../../../core/state/refusal.ts";

/** 2023-11-14T22:13:20Z: beyond 32 bits, as real times are. */
export const EPOCH_MS = 1_700_000_000_000;

/** An address that is one. */
export function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  assert(parsed, `${text} is an address`);
  return parsed;
}

/** A prefix that is one. */
export function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert(parsed, `${text} is a prefix`);
  return parsed;
}

/** `value` with addresses and prefixes as text, for comparing: their bytes are private, so any two look alike. */
export function readable(value: unknown): unknown {
  if (value instanceof IpAddress || value instanceof Prefix) return value.toString();
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, readable(member)]));
}

/** The public key of node `n`, base64. */
export function publicKey(n: number): string {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes.toBase64();
}

/** What node `n` says when it joins, at second `n`. */
export function joiner(n: number, changes: Partial<JoinParameters> = {}): JoinParameters {
  return {
    id: `node-${n}`,
    publicKey: publicKey(n),
    raftInstance: `log-${n}`,
    raftPort: 9443,
    grpcPort: 8443,
    wireguardPort: 51820,
    primaryEndpoint: address("192.0.2.1"),
    endpoints: [address("192.0.2.1"), address("2001:db8::1")],
    wantsVote: false,
    assignIpv4: true,
    preferRaftIpv6: false,
    nowMs: EPOCH_MS + n * 1000,
    ...changes,
  };
}

/** A mesh made by node 0. */
export function bootstrap(changes: Partial<BootstrapParameters> = {}): BootstrapParameters {
  return {
    meshId: "mesh-1",
    networkIpv4: prefix("172.16.0.0/12"),
    networkIpv6: prefix("fd12:3456:789a::/48"),
    engineVersion: "3.54.1",
    node: joiner(0),
    ...changes,
  };
}

/** A replica and its log. */
export class Mesh implements Disposable {
  readonly machine: StateMachine;
  /** All entries applied through {@linkcode Mesh.apply}, in order. */
  readonly log: Uint8Array[] = [];

  constructor(machine: StateMachine) {
    this.machine = machine;
  }

  /** Appends and applies one entry. */
  apply(entry: RaftLogEntry): RaftApplyResponse {
    return this.applyBytes(encodeEntry(entry));
  }

  /** Appends and applies whatever `data` is. */
  applyBytes(data: Uint8Array): RaftApplyResponse {
    this.log.push(data);
    const [response] = this.machine.applyBatch([{ index: this.machine.appliedIndex + 1, term: 1, data }]);
    assert(response);
    return response;
  }

  /** Joins a node that must be let in. */
  join(n: number, changes: Partial<JoinParameters> = {}): NodeRecord {
    const result = parseJoinResult(this.apply(joinCommand(joiner(n, changes))));
    assert.equal(result.kind, "joined");
    return result.node;
  }

  /** Joins a node that must be refused, and without a trace. */
  refusedJoin(n: number, changes: Partial<JoinParameters> = {}): Refusal {
    const before = this.contents();
    const result = parseJoinResult(this.apply(joinCommand(joiner(n, changes))));
    assert.equal(result.kind, "refused");
    assert.deepEqual(this.contents(), before);
    return result;
  }

  /** Lets node `n` leave at `nowMs`. */
  leave(n: number, nowMs = EPOCH_MS): void {
    const result = parseLeaveResult(this.apply(leaveCommand({ id: `node-${n}`, nowMs })));
    assert.equal(result.kind, "left");
  }

  /** Every row of every table that entries change. */
  contents(): unknown {
    return ["mesh_state", "pools", "leases", "nodes", "raft_acls"].map((table) =>
      this.machine.rows(`SELECT * FROM ${table} ORDER BY 1, 2`).rows
    );
  }

  [Symbol.dispose](): void {
    this.machine[Symbol.dispose]();
  }
}

/** A replica with the schema and nothing else. */
export function migratedMesh(engine: SqlEngine): Mesh {
  const mesh = new Mesh(StateMachine.open(engine));
  for (let version = 1; version <= SCHEMA_VERSION; version++) mesh.apply(migrateCommand(version));
  return mesh;
}

/** A replica of a mesh with node 0. */
export function newMesh(engine: SqlEngine, changes: Partial<BootstrapParameters> = {}): Mesh {
  const mesh = migratedMesh(engine);
  const result = parseJoinResult(mesh.apply(bootstrapCommand(bootstrap(changes))));
  assert.equal(result.kind, "joined");
  return mesh;
}
