/**
 * What a leader writes on its own: the schema that its program needs, the mesh itself when it is new.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { StateMachine } from "../state/apply.ts";
import { encodeEntry } from "../state/codec.ts";
import { bootstrapCommand, type BootstrapParameters, parseBootstrapResult } from "../state/commands/bootstrap_mesh.ts";
import { migrateCommand, nextMigration, parseMigrateResult } from "../state/commands/migrate.ts";
import { meshInfo } from "../state/queries/mesh_info.ts";
import { refuse, type WriteLog } from "./mesh_writes.ts";

/**
 * Brings the replicated schema to what this program has.
 *
 * @throws {MeshError} If the mesh refuses, or this member stopped leading.
 */
export async function ensureSchema(machine: StateMachine, log: WriteLog): Promise<void> {
  for (;;) {
    const version = machine.read(nextMigration);
    if (version === undefined) return;
    const result = parseMigrateResult(await log.propose(encodeEntry(migrateCommand(version))));
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
  await ensureSchema(machine, log);
  if (machine.read(meshInfo)) return;
  const result = parseBootstrapResult(await log.propose(encodeEntry(bootstrapCommand(parameters))));
  if (result.kind === "refused") refuse(result);
  if (!machine.read(meshInfo)) throw new MeshError("internal", "The new mesh is not in the state");
}
