/**
 * What this process uses: processor time, memory, descriptors.
 *
 * @module
 */
import { delay } from "./alarm.ts";
import { systemClock } from "./clock.ts";
import { parseOpenFilesLimit, parseProcessStat, parseStat } from "./proc_text.ts";

/** See the module. Memory in bytes. */
export interface ProcessUsage {
  readonly cpuMs: number;
  readonly startedWallMs: number;
  readonly threadCount: number;
  readonly residentBytes: number;
  readonly virtualBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  /** Outside of the heap of the control thread, counted by it. */
  readonly externalBytes: number;
  readonly descriptorCount: number;
  /** `undefined` without a limit. */
  readonly descriptorCountMax: number | undefined;
  /** How late the control thread came to work that was due at once. */
  readonly lagMs: number;
}

/** Looks it up. */
export async function readProcessUsage(): Promise<ProcessUsage> {
  const dueMs = systemClock.monotonicMs();
  await delay(0);
  const lagMs = systemClock.monotonicMs() - dueMs;
  const { cpuMs, startedMs, threadCount, virtualBytes } = parseProcessStat(textOf("/proc/self/stat"));
  const { rss, heapUsed, heapTotal, external } = Deno.memoryUsage();
  return {
    cpuMs,
    startedWallMs: parseStat(textOf("/proc/stat")).bootWallMs + startedMs,
    threadCount,
    residentBytes: rss,
    virtualBytes,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    descriptorCount: countOf("/proc/self/fd"),
    descriptorCountMax: parseOpenFilesLimit(textOf("/proc/self/limits")),
    lagMs,
  };
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function countOf(directory: string): number {
  try {
    return [...Deno.readDirSync(directory)].length;
  } catch {
    return 0;
  }
}
