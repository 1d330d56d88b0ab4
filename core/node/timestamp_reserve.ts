/**
 * Which TAI64N labels this node's handshakes may bear, kept on disk ahead of their use: peers refuse a handshake that is
 * not later than the one before (WireGuard whitepaper §5.1), so a machine that starts with its clock in the past, as many do
 * until they can ask the network for the time, must know what it sent when it last ran.
 *
 * The file holds a label that no handshake has reached. It is written an hour ahead, so 48 times a day, and always before
 * what it promises is used; after a start everything is later than what it held.
 *
 * @module
 */
import { readFile, replaceFile } from "../io/disk_files.ts";
import type { Clock } from "../seams/clock.ts";
import type { Disk } from "../seams/disk.ts";
import type { Log } from "../seams/log.ts";
import { compareTai64n, tai64n, TAI64N_BYTES, wallMsOfTai64n } from "../time/tai64n.ts";

/** Name of the file in the data directory: a label in hexadecimal. */
export const TIMESTAMP_FILE_NAME = "timestamp";
/** How far ahead of the clock a label is reserved. */
export const RESERVE_AHEAD_MS = 3_600_000;
/** A new label is reserved when less than this is left. */
export const RESERVE_AGAIN_MS = RESERVE_AHEAD_MS / 2;
/** Labels behind a ceiling are nanoseconds apart: this is room for all that anybody can use. */
const SLACK_MS = 1_000;

/** The labels of one worker: later than `floor`, and following the clock up to `ceiling`. 12 bytes each. */
export interface TimestampRange {
  readonly floor: Uint8Array;
  readonly ceiling: Uint8Array;
}

/** Hands out ranges, and raises the ceiling of the latest as time goes on. */
export class TimestampReserve {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Nothing up to here may be used again. */
  #reserved: Uint8Array;
  #ceiling: Uint8Array;
  #last: Promise<unknown> = Promise.resolve();
  #isFailing = false;

  private constructor(disk: Disk, directory: string, clock: Clock, log: Log, reserved: Uint8Array) {
    this.#disk = disk;
    this.#directory = directory;
    this.#clock = clock;
    this.#log = log;
    this.#reserved = reserved;
    this.#ceiling = reserved;
  }

  /** Reads the file in `directory`. A damaged one is reported and counts as none. */
  static async open(disk: Disk, directory: string, clock: Clock, log: Log): Promise<TimestampReserve> {
    const reserved = await read(disk, directory, log);
    const aheadMs = wallMsOfTai64n(reserved) - clock.wallMs();
    if (aheadMs > RESERVE_AHEAD_MS + SLACK_MS) {
      log.warn("this machine's clock is behind what it was", { behindSeconds: Math.round(aheadMs / 1000) });
    }
    return new TimestampReserve(disk, directory, clock, log, reserved);
  }

  /** A range behind all that were given out before; resolves when it is on disk. */
  next(): Promise<TimestampRange> {
    return this.#oneByOne(async () => {
      const floor = this.#reserved;
      const clock = tai64n(this.#clock.wallMs() + RESERVE_AHEAD_MS);
      if (await this.#write(compareTai64n(clock, floor) > 0 ? clock : floor)) return { floor, ceiling: this.#ceiling };
      // Ranges of one process stay apart all the same: labels behind the ceiling are nanoseconds apart.
      this.#ceiling = floor;
      this.#reserved = later(floor, SLACK_MS);
      return { floor, ceiling: floor };
    });
  }

  /**
   * Reserves more if little is left: call it now and then.
   *
   * @returns The ceiling that the latest range has from now on, on disk already; `undefined` if it stays.
   */
  renew(): Promise<Uint8Array | undefined> {
    return this.#oneByOne(async () => {
      const wallMs = this.#clock.wallMs();
      if (compareTai64n(tai64n(wallMs + RESERVE_AGAIN_MS), this.#ceiling) <= 0) return undefined;
      return await this.#write(tai64n(wallMs + RESERVE_AHEAD_MS)) ? this.#ceiling : undefined;
    });
  }

  /** Puts on disk what allows `ceiling`. False if that fails, which is reported once. */
  async #write(ceiling: Uint8Array): Promise<boolean> {
    const reserved = later(ceiling, SLACK_MS);
    try {
      const text = new TextEncoder().encode(`${reserved.toHex()}\n`);
      await replaceFile(this.#disk, this.#directory, TIMESTAMP_FILE_NAME, text);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (!this.#isFailing) this.#log.warn("cannot keep the time of the last handshake", { error: text });
      this.#isFailing = true;
      return false;
    }
    this.#isFailing = false;
    this.#ceiling = ceiling;
    this.#reserved = reserved;
    return true;
  }

  #oneByOne<Result>(body: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(body);
    this.#last = result.catch(() => {});
    return result;
  }
}

function later(label: Uint8Array, ms: number): Uint8Array {
  return tai64n(wallMsOfTai64n(label) + ms);
}

async function read(disk: Disk, directory: string, log: Log): Promise<Uint8Array> {
  const none = new Uint8Array(TAI64N_BYTES);
  try {
    if (!(await disk.list(directory)).includes(TIMESTAMP_FILE_NAME)) return none;
    const bytes = await readFile(disk, `${directory}/${TIMESTAMP_FILE_NAME}`);
    const text = new TextDecoder().decode(bytes).trim();
    if (/^4[0-9a-f]{23}$/.test(text)) return Uint8Array.fromHex(text);
    log.warn("the time of the last handshake is damaged, going by the clock", { file: TIMESTAMP_FILE_NAME });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    log.warn("cannot read the time of the last handshake, going by the clock", { error: text });
  }
  return none;
}
