/**
 * The tasks of `deno.json` run files that exist, and every benchmark has a task: `bench:x` runs `tests/bench/x_bench.ts`.
 *
 * @module
 */
import type { Tree } from "../repository.ts";

interface Task {
  /** Absent if the task only has others run. */
  readonly command?: string;
  readonly dependencies?: readonly string[];
}

/** Tasks that lead nowhere, and benchmarks without one. */
export function tasks(tree: Tree): string[] {
  const { tasks } = JSON.parse(tree.read("deno.json")) as { tasks: Record<string, Task> };
  const present = new Set(tree.paths);
  const lost = Object.entries(tasks).flatMap(([name, { command = "", dependencies = [] }]) => [
    ...(command.match(/[\w./]+\.ts\b/g) ?? [])
      .filter((path) => !present.has(path))
      .map((path) => `task ${name} runs ${path}, which does not exist`),
    ...dependencies.filter((task) => !tasks[task]).map((task) =>
      `task ${name} waits for ${task}, which does not exist`
    ),
  ]);
  const forgotten = tree.paths
    .flatMap((path) => /^tests\/bench\/(\w+)_bench\.ts$/.exec(path)?.[1] ?? [])
    .map((name) => ({ task: `bench:${name.replaceAll("_", "-")}`, path: `tests/bench/${name}_bench.ts` }))
    .filter(({ task, path }) => !tasks[task]?.command?.includes(path))
    .map(({ task, path }) => `${path} has no task ${task}`);
  return [...lost, ...forgotten];
}
