/**
 * What a leader writes on its own: the mesh itself when it is new, and what the mesh requires of programs when those of all
 * voters have it (`core/state/program_versions.ts`).
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { Log } from "../seams/log.ts";
import type { StateMachine } from "../state/apply.ts";
import { encodeEntry, responseError } from "../state/codec.ts";
import { bootstrapCommand, type BootstrapParameters, parseBootstrapResult } from "../state/commands/bootstrap_mesh.ts";
import { migrateCommand, nextMigration, parseMigrateResult } from "../state/commands/migrate.ts";
import { raiseEngineCommand } from "../state/commands/raise_engine.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "../state/migrations.ts";
import {
  ANNOUNCED_SINCE_SCHEMA,
  commonVersions,
  compareEngineVersions,
  type ProgramVersions,
  requiredVersions,
} from "../state/program_versions.ts";
import { meshInfo } from "../state/queries/mesh_info.ts";
import { nodeVersions } from "../state/queries/node_versions.ts";
import { refuse, type WriteLog } from "./mesh_writes.ts";

/**
 * Brings the replicated schema to version `last`.
 *
 * @param migrations Others in tests only.
 * @throws {MeshError} If the mesh refuses, or this member stopped leading.
 */
export async function ensureSchema(
  machine: StateMachine,
  log: Pick<WriteLog, "propose">,
  last: number,
  migrations = MIGRATIONS,
): Promise<void> {
  for (;;) {
    const version = machine.read((reader) => nextMigration(reader, last));
    if (version === undefined) return;
    const result = parseMigrateResult(await log.propose(encodeEntry(migrateCommand(version, migrations))));
    if (result.kind === "refused") refuse(result);
  }
}

/**
 * Makes the mesh, unless it exists already: a node that was stopped half way through its first start goes on.
 *
 * @throws {MeshError} If the replicated database refuses.
 */
export async function ensureMesh(
  machine: StateMachine,
  log: WriteLog,
  parameters: BootstrapParameters,
): Promise<void> {
  if (machine.read(meshInfo)) return;
  await ensureSchema(machine, log, SCHEMA_VERSION);
  const result = parseBootstrapResult(await log.propose(encodeEntry(bootstrapCommand(parameters))));
  if (result.kind === "refused") refuse(result);
  if (!machine.read(meshInfo)) throw new MeshError("internal", "The new mesh is not in the state");
}

/** What {@linkcode Upgrades} works with. */
export interface UpgradeParts {
  readonly machine: StateMachine;
  readonly raft: Pick<WriteLog, "propose"> & { readonly status: RaftStatus };
  readonly log: Log;
  /** Other than {@linkcode MIGRATIONS} in tests only. */
  readonly migrations?: readonly string[];
}

/** Raises what the mesh requires, while this member leads; one attempt at a time, the next run tries again. */
export class Upgrades {
  readonly #parts: UpgradeParts;
  #isBusy = false;

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  /** True while an attempt is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Starts an attempt if there is something to raise. Never throws. */
  run(): void {
    const { raft, log } = this.#parts;
    if (this.#isBusy || raft.status.role !== "leader") return;
    const goal = this.#goal();
    if (!goal || !this.#isBelow(goal)) return;
    this.#isBusy = true;
    this.#raise(goal)
      .catch((error) => {
        const text = error instanceof Error ? error.message : String(error);
        log.warn("the mesh is not brought to what all voters have, will try again", { error: text });
      })
      .finally(() => this.#isBusy = false);
  }

  /** What every voter has. Before there is a place to say it, the tables that have one. */
  #goal(): ProgramVersions | undefined {
    const { machine, raft } = this.#parts;
    const required = machine.read((reader) => requiredVersions(reader));
    if (required.schema < ANNOUNCED_SINCE_SCHEMA) return { ...required, schema: ANNOUNCED_SINCE_SCHEMA };
    const { voters, votersOutgoing } = raft.status.membership;
    const said = machine.read(nodeVersions);
    // What this program was when it last said something may be more than it is.
    return commonVersions([machine.versions, ...[...voters, ...votersOutgoing].map((id) => said.get(id))]);
  }

  #isBelow(goal: ProgramVersions): boolean {
    const required = this.#parts.machine.read((reader) => requiredVersions(reader));
    return required.schema < goal.schema || needsEngine(required, goal);
  }

  async #raise(goal: ProgramVersions): Promise<void> {
    const { machine, raft, log, migrations } = this.#parts;
    const before = machine.read((reader) => requiredVersions(reader));
    await ensureSchema(machine, raft, goal.schema, migrations);
    if (needsEngine(before, goal)) {
      const entry = raiseEngineCommand(before.engine, goal.engine);
      const problem = responseError(await raft.propose(encodeEntry(entry)));
      if (problem !== undefined) throw new MeshError("internal", problem);
    }
    const { engine, schema } = machine.read((reader) => requiredVersions(reader));
    log.info("the mesh requires newer programs now, all voters have them", { sqlite: engine, schema });
  }
}

/** A mesh that is not made yet gets its version with the first node. */
function needsEngine(required: ProgramVersions, goal: ProgramVersions): boolean {
  return required.engine !== "0" && compareEngineVersions(required.engine, goal.engine) < 0;
}
