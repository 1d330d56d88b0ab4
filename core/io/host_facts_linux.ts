/**
 * What the host under the node is and has: system, processors, memory, disks, addresses. Looked up when asked, from `/proc`
 * and `/etc`; what cannot be read is empty.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { machine, networkInterfaces } from "node:os";
import { delay } from "./alarm.ts";
import {
  type CpuTimes,
  type MemoryFacts,
  type Mount,
  parseLoadAverage,
  parseMeminfo,
  parseMounts,
  parseOsRelease,
  parseStat,
} from "./proc_text.ts";

/** A file system that has not answered after this time is left out, in milliseconds. */
const DISK_WAIT_MS = 500;
/** Addresses that are listed. */
const ADDRESSES_MAX = 256;

/** One file system. */
export interface DiskFacts extends Mount {
  /** Bytes. */
  readonly total: number;
  readonly free: number;
  readonly inodesTotal: number;
  readonly inodesFree: number;
}

/** The operating system by os-release(5). */
export interface OsFacts {
  /** Such as `debian`. */
  readonly platform: string;
  /** What it descends from, if it says so; else its own name. */
  readonly family: string;
  readonly name: string;
  /** Such as `12 (bookworm)`. */
  readonly version: string;
  /** Such as `12.1`. */
  readonly versionId: string;
  readonly build: string;
  readonly codename: string;
}

/** See the module. */
export interface HostFacts {
  readonly hostname: string;
  /** As `uname -m` says it. */
  readonly architecture: string;
  readonly kernelVersion: string;
  /** The zone's abbreviation, such as `UTC`. */
  readonly timezone: string;
  readonly isContainer: boolean;
  readonly bootWallMs: number;
  /** CIDR texts. */
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
  readonly os: OsFacts;
  readonly loadAverage: readonly [number, number, number];
  readonly cpu: CpuTimes;
  readonly memory: MemoryFacts;
  readonly disks: readonly DiskFacts[];
}

/** Looks all of it up. Never rejects. */
export async function readHostFacts(): Promise<HostFacts> {
  const [load, stat, meminfo, mounts, osRelease, kernel, environment, isMarked] = await Promise.all([
    textOf("/proc/loadavg"),
    textOf("/proc/stat"),
    textOf("/proc/meminfo"),
    textOf("/proc/mounts"),
    textOf("/etc/os-release"),
    textOf("/proc/sys/kernel/osrelease"),
    textOf("/proc/1/environ"),
    anyExists(["/.dockerenv", "/run/.containerenv"]),
  ]);
  return {
    hostname: Deno.hostname(),
    architecture: machine(),
    kernelVersion: kernel.trim(),
    timezone: zoneName(),
    isContainer: isMarked || /(?:^|\0)container=/.test(environment),
    ...parseStat(stat),
    ...linkFacts(),
    os: osFacts(parseOsRelease(osRelease)),
    loadAverage: parseLoadAverage(load),
    memory: parseMeminfo(meminfo),
    disks: await diskFacts(parseMounts(mounts)),
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

async function anyExists(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(paths.map((path) => Deno.lstat(path).then(() => true, () => false)));
  return found.includes(true);
}

function zoneName(): string {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts();
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}

function linkFacts(): Pick<HostFacts, "addresses" | "macs"> {
  const links = Object.values(networkInterfaces()).flatMap((each) => each ?? []).slice(0, ADDRESSES_MAX);
  const macs = new Set(links.map(({ mac }) => mac).filter((mac) => mac !== "00:00:00:00:00:00"));
  return { addresses: links.flatMap(({ cidr }) => cidr ?? []), macs: [...macs] };
}

function osFacts(values: ReadonlyMap<string, string>): OsFacts {
  const value = (name: string) => values.get(name) ?? "";
  const platform = value("ID");
  return {
    platform,
    family: value("ID_LIKE").split(" ")[0] || platform,
    name: value("NAME"),
    version: value("VERSION"),
    versionId: value("VERSION_ID"),
    build: value("BUILD_ID"),
    codename: value("VERSION_CODENAME"),
  };
}

/** A network file system whose server is gone answers never: nobody waits for it. */
async function diskFacts(mounts: readonly Mount[]): Promise<readonly DiskFacts[]> {
  const over = new AbortController();
  const late = delay(DISK_WAIT_MS, over.signal).then(() => undefined, () => undefined);
  const disks = await Promise.all(mounts.map((mount) => Promise.race([diskFactsOf(mount), late])));
  over.abort();
  return disks.filter((disk) => disk !== undefined);
}

async function diskFactsOf(mount: Mount): Promise<DiskFacts | undefined> {
  try {
    const { bsize, blocks, bfree, files, ffree } = await statfs(mount.path);
    return { ...mount, total: blocks * bsize, free: bfree * bsize, inodesTotal: files, inodesFree: ffree };
  } catch {
    return undefined;
  }
}
