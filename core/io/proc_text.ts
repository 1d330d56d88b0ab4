/**
 * The texts of Linux about itself, read: `/proc/loadavg`, `/proc/stat`, `/proc/meminfo`, `/proc/mounts`, `/proc/self/stat`
 * (proc(5)) and `/etc/os-release` (os-release(5)). Pure; what is not there is 0 or empty.
 *
 * @module
 */

/** One clock tick of `/proc/stat` (USER_HZ, 100 on every Linux), in milliseconds. */
const TICK_MS = 10;
/** Mounts that are looked at; further ones are left out. */
export const MOUNTS_MAX = 64;

/** Averages over 1, 5 and 15 minutes. */
export function parseLoadAverage(text: string): readonly [number, number, number] {
  const [one = 0, five = 0, fifteen = 0] = text.split(" ", 3).map(Number);
  return [one, five, fifteen];
}

/** Time that all processors together have spent, in milliseconds. */
export interface CpuTimes {
  readonly userMs: number;
  readonly niceMs: number;
  readonly systemMs: number;
  readonly idleMs: number;
  readonly ioWaitMs: number;
  readonly irqMs: number;
  readonly softIrqMs: number;
  readonly stealMs: number;
}

/** The first line of `/proc/stat`, and when the host was started, in milliseconds since 1970. */
export function parseStat(text: string): { readonly cpu: CpuTimes; readonly bootWallMs: number } {
  const [, ...ticks] = /^cpu .*$/m.exec(text)?.[0].split(/\s+/) ?? [];
  const ms = (position: number) => Number(ticks[position] ?? 0) * TICK_MS;
  return {
    cpu: {
      userMs: ms(0),
      niceMs: ms(1),
      systemMs: ms(2),
      idleMs: ms(3),
      ioWaitMs: ms(4),
      irqMs: ms(5),
      softIrqMs: ms(6),
      stealMs: ms(7),
    },
    bootWallMs: Number(/^btime ([0-9]+)$/m.exec(text)?.[1] ?? 0) * 1000,
  };
}

/** In bytes. */
export interface MemoryFacts {
  readonly total: number;
  readonly free: number;
  readonly available: number;
  readonly swapTotal: number;
  readonly swapFree: number;
}

/** `/proc/meminfo`, which counts in KiB. */
export function parseMeminfo(text: string): MemoryFacts {
  const bytes = (name: string) => Number(new RegExp(`^${name}: +([0-9]+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  return {
    total: bytes("MemTotal"),
    free: bytes("MemFree"),
    available: bytes("MemAvailable"),
    swapTotal: bytes("SwapTotal"),
    swapFree: bytes("SwapFree"),
  };
}

/** A file system that holds data of its own. */
export interface Mount {
  readonly device: string;
  readonly path: string;
}

/** The mounts of devices and of memory, at most {@linkcode MOUNTS_MAX}; of two on one path the later one covers the other. */
export function parseMounts(text: string): readonly Mount[] {
  const mounts = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [device = "", path = ""] = line.split(" ", 2).map(unescaped);
    mounts.delete(path);
    if (path !== "" && (device === "tmpfs" || device.startsWith("/dev"))) mounts.set(path, { device, path });
  }
  return [...mounts.values()].slice(0, MOUNTS_MAX);
}

/** Blanks in paths are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Names and values, without quotes. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) values.set(name, value.replace(/^(["'])(.*)\1$/, "$2").replace(/\\(.)/g, "$1"));
  }
  return values;
}

/** What a process has used. */
export interface ProcessStat {
  readonly cpuMs: number;
  /** After the host was started. */
  readonly startedMs: number;
  readonly threadCount: number;
  readonly virtualBytes: number;
}

/** `/proc/self/stat`. */
export function parseProcessStat(text: string): ProcessStat {
  // The second field is the program's name in brackets, which may hold anything; the rest begins with field 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const field = (number: number) => fields[number - 3] ?? 0;
  return {
    cpuMs: (field(14) + field(15)) * TICK_MS,
    threadCount: field(20),
    startedMs: field(22) * TICK_MS,
    virtualBytes: field(23),
  };
}

/** "Max open files" of `/proc/self/limits`; `undefined` if there is none. */
export function parseOpenFilesLimit(text: string): number | undefined {
  const limit = Number(/^Max open files +([0-9]+) /m.exec(text)?.[1] ?? NaN);
  return Number.isNaN(limit) ? undefined : limit;
}
