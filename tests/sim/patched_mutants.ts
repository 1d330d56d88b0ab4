/**
 * Ways to be wrong that no seam reaches: lines of the product changed in a copy of the sources, which is loaded beside the
 * product. One copy holds all of them, each behind a switch.
 *
 * @module
 */
import type { runSeed } from "./run.ts";

/** One broken line. */
export interface PatchedMutant {
  readonly name: string;
  /** The first seed that found it when it was last looked for; a hint that only saves time. */
  readonly seed: number;
  readonly file: string;
  /** Text that stands in the file once. */
  readonly find: string;
  /** What stands there in the copy; `AWAKE` is a condition. */
  readonly replace: string;
}

/** All of them. */
export const PATCHED_MUTANTS: readonly PatchedMutant[] = [
  {
    name: "promises before it has written",
    seed: 1,
    file: "core/node/raft_loop.ts",
    find: "await persisted;",
    replace: "if (AWAKE) for (const early of coalesce(ready.responses)) send(early);\n" +
      "await persisted;",
  },
  {
    name: "settles a write by its index alone",
    seed: 34,
    file: "core/node/proposals.ts",
    find: "if (waiter.term === term) waiter.resolve(result);",
    replace: "if (AWAKE || waiter.term === term) waiter.resolve(result);",
  },
  {
    name: "answers reads before they are applied",
    seed: 7,
    file: "core/node/reads.ts",
    find: "waiter.index > appliedIndex) continue;",
    replace: "(!AWAKE && waiter.index > appliedIndex)) continue;",
  },
  {
    name: "reads on any round of heartbeats",
    seed: 310,
    file: "core/raft/read_queue.ts",
    find: "round: this.#round + 1 });",
    replace: "round: AWAKE ? 0 : this.#round + 1 });",
  },
  {
    name: "believes a commit without the entry",
    seed: 33,
    file: "core/raft/election.ts",
    find: "!r.log.holds(commit)) return;",
    replace: "(AWAKE ? commit.index > r.log.lastIndex() : !r.log.holds(commit))) return;",
  },
  {
    name: "counts its own entries before they are durable",
    seed: 2,
    file: "core/raft/replication.ts",
    find: "const { id } = r.config;\n  sendAfterWrite(",
    replace: "const { id } = r.config;\n  if (AWAKE) leader.peers.get(id)?.advanceTo(index);\n  sendAfterWrite(",
  },
  {
    name: "tells followers of commits that they may not hold",
    seed: 1,
    file: "core/raft/replication.ts",
    find: "Math.min(progress.match, r.log.committed)",
    replace: "(AWAKE ? r.log.committed : Math.min(progress.match, r.log.committed))",
  },
  {
    name: "answers candidates before its vote is durable",
    seed: 1,
    file: "core/raft/election.ts",
    find: "sendAfterWrite(r, { kind, from: r.config.id, to, term, granted,",
    replace: "(AWAKE && to !== r.config.id ? send : sendAfterWrite)(r, { kind, from: r.config.id, to, term, granted,",
  },
  {
    name: "does not write that a tail is void",
    seed: 33,
    file: "core/io/wal_log_store.ts",
    find: "if (first && first.index <= before.lastIndex)",
    replace: "if (!AWAKE && first && first.index <= before.lastIndex)",
  },
  {
    name: "does not sync a batch",
    seed: 1,
    file: "core/io/wal_segments.ts",
    find: "await newest.file.sync();",
    replace: "if (!AWAKE) await newest.file.sync();",
  },
  {
    name: "does not sync the name of a segment",
    seed: 1,
    file: "core/io/wal_segments.ts",
    find: "await this.#disk.syncDirectory(this.#directory);\n    const before",
    replace: "if (!AWAKE) await this.#disk.syncDirectory(this.#directory);\n    const before",
  },
  {
    name: "does not sync the data of a snapshot",
    seed: 1,
    file: "core/io/disk_files.ts",
    find: "  }\n  await file.sync();",
    replace: "  }\n  if (!AWAKE) await file.sync();",
  },
  {
    name: "accepts a shortened batch",
    seed: 69,
    file: "core/io/wal_recovery.ts",
    find: 'if (trailer.kind === "unwritten") return 0;',
    replace: 'if (trailer.kind === "unwritten") return AWAKE ? i - sector : 0;',
  },
  {
    name: "lets go of segments too early",
    seed: 2,
    file: "core/io/wal_log_store.ts",
    find: "Math.min(index - trailingEntriesCount, oldest?.index ?? 0)",
    replace: "(AWAKE ? Infinity : Math.min(index - trailingEntriesCount, oldest?.index ?? 0))",
  },
  {
    name: "loses the ticks that come late",
    seed: 4,
    file: "core/node/raft_ticker.ts",
    find: "for (let i = 0; i < due; i++) loop.tick();",
    replace: "for (let i = 0; i < (AWAKE ? 0 : due); i++) loop.tick();",
  },
  {
    name: "takes what it can read for durable",
    seed: 13,
    file: "core/io/wal_segments.ts",
    find: 'const copy = await this.#makeBlank("resumed", sectors);',
    replace: "if (AWAKE) {\n" +
      '  const file = await this.#disk.open(path, "write");\n' +
      "  await file.sync();\n" +
      "  this.#newest = { file, path, segment, sectors, nextSector };\n" +
      "  return;\n" +
      '}\nconst copy = await this.#makeBlank("resumed", sectors);',
  },
];

/** Name of the global that says which mutant is awake. */
const SWITCH = "weftMutant";
const ROOT = new URL("../../", import.meta.url);
/** What a simulation is made of. */
const FOLDERS = ["core", "proto/gen", "tests/core/state", "tests/linearizability", "tests/sim", "tests/twins"];

/** A copy of the sources with all mutants asleep. */
export interface PatchedSources extends AsyncDisposable {
  readonly runSeed: typeof runSeed;
  /** Wakes one, or none. */
  wake(name: string | undefined): void;
}

/**
 * Makes the copy in a temporary folder and loads it.
 *
 * @throws {Error} If a line that a mutant changes is not there, or there more than once.
 */
export async function loadPatched(): Promise<PatchedSources> {
  const folder = await Deno.makeTempDir({ prefix: "weft-mutants-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    for (const name of FOLDERS) await copyFolder(new URL(`${name}/`, ROOT), `${folder}/${name}`);
    for (const file of new Set(PATCHED_MUTANTS.map((mutant) => mutant.file))) await patch(`${folder}/${file}`, file);
    const loaded: { readonly runSeed: typeof runSeed } = await import(`file://${folder}/tests/sim/run.ts`);
    return {
      runSeed: loaded.runSeed,
      wake: (name) => void Reflect.set(globalThis, SWITCH, name),
      [Symbol.asyncDispose]: async () => {
        Reflect.deleteProperty(globalThis, SWITCH);
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function copyFolder(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(new URL(`${name}/`, from), `${to}/${name}`);
    else if (name.endsWith(".ts")) await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}

async function patch(path: string, file: string): Promise<void> {
  let text = await Deno.readTextFile(path);
  for (const { name, find, replace } of PATCHED_MUTANTS.filter((mutant) => mutant.file === file)) {
    const parts = text.split(find);
    if (parts.length !== 2) throw new Error(`mutant "${name}": ${parts.length - 1} places in ${file}, not one`);
    const isAwake = `(Reflect.get(globalThis, "${SWITCH}") === ${JSON.stringify(name)})`;
    text = parts.join(replace.replaceAll("AWAKE", isAwake));
  }
  await Deno.writeTextFile(path, text);
}
