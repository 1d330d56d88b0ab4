/**
 * The write-ahead log: batches of records on stable storage, in order.
 *
 * Group commit without timers: while one batch is written and synced, requests collect; then all of them become the
 * next batch, with one fdatasync. After the first failed write or sync nothing more is written, see
 * {@linkcode LogStoreFailedError}.
 *
 * @module
 */
import type { Disk } from "../seams/disk.ts";
import { LogStoreFailedError } from "../seams/log_store.ts";
import { packBatch, SECTOR_BYTES, sectorsFor } from "./wal_layout.ts";
import { chainRecords, recordsBytes, type WalRecord, writeRecords } from "./wal_record.ts";
import { recoverWal } from "./wal_recovery.ts";
import type { WalReplay, WalState } from "./wal_replay.ts";
import { identityChecksum, TEMPORARY_SUFFIX } from "./wal_segment.ts";
import { WalSegments } from "./wal_segments.ts";

/** Requests join one batch up to this size; a larger request is a batch of its own. */
export const BATCH_BYTES_MAX = 4 << 20;
/** A buffer for batches is kept up to this size. */
const KEPT_BUFFER_BYTES_MAX = 1 << 20;

/** Settings of {@linkcode Wal.open}. */
export interface WalOptions {
  /** Whose log this is; somebody else's is refused. */
  readonly identity: string;
  /** Size of a segment unless one batch needs more. */
  readonly segmentBytes: number;
}

/** Records that wait for their batch. */
interface Request {
  readonly records: readonly WalRecord[];
  /** What they take. */
  readonly bytes: number;
  /** True if nothing before them counts. */
  readonly startsAnew: boolean;
  /** The state once they are written. */
  readonly state: WalState;
  readonly resolve: () => void;
  readonly reject: (error: LogStoreFailedError) => void;
}

/** One open log. */
export class Wal implements AsyncDisposable {
  readonly segments: WalSegments;
  #nextBatch: number;
  #chain: number;
  /** As of the last batch. */
  #written: WalState;
  readonly #waiting: Request[] = [];
  #writing: Promise<void> | undefined;
  #failure: LogStoreFailedError | undefined;
  /** For the content of a batch, and for its sectors. */
  readonly #content = new KeptBuffer();
  readonly #sectors = new KeptBuffer();

  private constructor(segments: WalSegments, written: WalState, nextBatch: number, chain: number) {
    this.segments = segments;
    this.#written = written;
    this.#nextBatch = nextBatch;
    this.#chain = chain;
  }

  /**
   * Opens the log in `directory`, which exists and which nobody else has open, or starts one there.
   *
   * @returns The log, and what it held.
   * @throws {CorruptLogError} If acknowledged bytes are damaged or missing.
   * @throws {ConfigError} If the log is somebody else's or has a newer format.
   */
  static async open(disk: Disk, directory: string, options: WalOptions): Promise<{ wal: Wal; replay: WalReplay }> {
    const identity = identityChecksum(options.identity);
    for (const name of await disk.list(directory)) {
      if (name.endsWith(TEMPORARY_SUFFIX)) await disk.remove(`${directory}/${name}`);
    }
    const { replay, nextBatch, chain, sealed, active } = await recoverWal(disk, directory, identity);
    const sectors = Math.ceil(options.segmentBytes / SECTOR_BYTES);
    await using stack = new AsyncDisposableStack();
    const segments = stack.use(new WalSegments(disk, directory, identity, sectors, sealed));
    const { state } = replay;
    if (active) await segments.resume(active);
    if (!active || active.hasRemains) {
      await segments.roll({ firstBatch: nextBatch, firstIndex: state.lastIndex + 1, chain }, 1);
    }
    stack.move();
    return { wal: new Wal(segments, state, nextBatch, chain), replay };
  }

  /** Why the log refuses everything, if it does. */
  get failure(): LogStoreFailedError | undefined {
    return this.#failure;
  }

  /**
   * Adds `records`, possibly none, behind all that were added before. Borrows them until they are written.
   *
   * @param state What the log holds once they are written.
   * @returns Resolves once they, and all before them, are on stable storage.
   */
  append(records: readonly WalRecord[], state: WalState): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const startsAnew = records.some(({ kind }) => kind === "snapshot-installed");
    this.#waiting.push({ records, bytes: recordsBytes(records), startsAnew, state, resolve, reject });
    this.#writing ??= this.#writeAll();
    return promise;
  }

  /** Refuses everything from now on. Returns the error that says so, the first one if there are several. */
  poison(cause: unknown): LogStoreFailedError {
    this.#failure ??= cause instanceof LogStoreFailedError ? cause : new LogStoreFailedError(cause);
    for (const request of this.#waiting.splice(0)) request.reject(this.#failure);
    return this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    this.#failure ??= new LogStoreFailedError("it is closed");
    await this.segments[Symbol.asyncDispose]();
  }

  async #writeAll(): Promise<void> {
    // Requests of the same turn share the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#writeBatch(group);
      } catch (cause) {
        const failure = this.poison(cause);
        for (const request of group) request.reject(failure);
        break;
      }
      for (const request of group) request.resolve();
    }
    this.#writing = undefined;
  }

  #takeGroup(): Request[] {
    let bytes = 0;
    const count = this.#waiting.findIndex((request, i) => (bytes += request.bytes) > BATCH_BYTES_MAX && i > 0);
    return this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
  }

  async #writeBatch(group: readonly Request[]): Promise<void> {
    const state = group.at(-1)?.state ?? this.#written;
    let bytes = 0;
    for (const request of group) bytes += request.bytes;
    if (bytes === 0) return;
    const roomNeeded = sectorsFor(bytes) + 2;
    if (!this.segments.hasRoom(roomNeeded)) {
      const firstIndex = this.#written.lastIndex + 1;
      await this.segments.roll({ firstBatch: this.#nextBatch, firstIndex, chain: this.#chain }, roomNeeded);
    }
    const parts = group.map(({ records }) => records);
    if (this.segments.nextSector === 1) parts.unshift(this.#repeatedState());
    const { content, chain } = sealBatch(parts, this.#chain, state, this.#content);
    const place = { segment: this.segments.segment, sector: this.segments.nextSector, batch: this.#nextBatch };
    const sectors = this.#sectors.take(sectorsFor(content.length) * SECTOR_BYTES);
    packBatch(content, place, sectors);
    await this.segments.write(sectors);
    if (group.some(({ startsAnew }) => startsAnew)) this.segments.voidSealed();
    this.#nextBatch++;
    this.#chain = chain;
    this.#written = state;
  }

  /** What a segment must know when all before it are gone. */
  #repeatedState(): WalRecord[] {
    const { hardState, marks } = this.#written;
    return [{ kind: "hard-state", hardState }, { kind: "snapshots-kept", marks }];
  }
}

/** Memory that is used again and again. */
class KeptBuffer {
  #bytes = new Uint8Array(8 * SECTOR_BYTES);

  /** `length` bytes, which hold anything, until the next call. */
  take(length: number): Uint8Array {
    if (length <= this.#bytes.length) return this.#bytes.subarray(0, length);
    const bytes = new Uint8Array(length);
    if (length <= KEPT_BUFFER_BYTES_MAX) this.#bytes = bytes;
    return bytes;
  }
}

const COMMIT_BYTES = recordsBytes([{ kind: "commit", lastIndex: 0, recordsCount: 0, chain: 0 }]);

/** Puts `parts` behind each other, and a commit record behind them. */
function sealBatch(
  parts: readonly (readonly WalRecord[])[],
  chainBefore: number,
  { lastIndex }: WalState,
  buffer: KeptBuffer,
): { content: Uint8Array; chain: number } {
  let bytes = 0;
  for (const records of parts) bytes += recordsBytes(records);
  const content = buffer.take(bytes + COMMIT_BYTES);
  let at = 0;
  for (const records of parts) at = writeRecords(records, content, at);
  const { recordsCount, chain } = chainRecords(content.subarray(0, at), chainBefore);
  writeRecords([{ kind: "commit", lastIndex, recordsCount, chain }], content, at);
  return { content, chain: chainRecords(content.subarray(at), chain).chain };
}
