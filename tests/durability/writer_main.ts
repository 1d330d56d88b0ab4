/**
 * A member that is written to until it is killed.
 *
 *   deno run -A tests/durability/writer_main.ts DIRECTORY WRITERS ENTRIES_PER_SNAPSHOT SEGMENT_BYTES
 *
 * Prints a line of JSON, {@linkcode Opened}, once it leads, then `WRITER SEQUENCE` for each write that was acknowledged to
 * one of the writers. Without writers it stops after the first line.
 *
 * @module
 */
import { openLoneMember, type Recovery } from "./lone_member.ts";
import { hasTable, sequences, tableEntry, writeEntry } from "./workload.ts";

/** The first line. */
export interface Opened {
  readonly recovery: Recovery;
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly stateHash: string;
  /** Writer and sequence. */
  readonly writers: readonly (readonly [number, number])[];
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function main(directory: string, writers: number, entryCount: number, segmentBytes: number): Promise<void> {
  const snapshotPolicy = { entryCount, logBytes: Infinity, trailingEntryCount: 100 };
  await using member = await openLoneMember(directory, { snapshotPolicy, segmentBytes });
  const { loop, machine, recovery } = member;
  const { appliedIndex, appliedTerm } = machine;
  const found = hasTable(machine) ? sequences(machine) : new Map<number, number>();
  const opened: Opened = { recovery, appliedIndex, appliedTerm, stateHash: machine.stateHash(), writers: [...found] };
  say(JSON.stringify(opened));
  if (writers === 0) return;
  if (!hasTable(machine)) await loop.propose(tableEntry());
  const write = async (writer: number) => {
    for (let sequence = (found.get(writer) ?? 0) + 1;; sequence++) {
      await loop.propose(writeEntry(writer, sequence));
      say(`${writer} ${sequence}`);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
}

if (import.meta.main) {
  const [directory = "", ...numbers] = Deno.args;
  const [writers = 0, entryCount = 1_000, segmentBytes = 1 << 20] = numbers.map(Number);
  await main(directory, writers, entryCount, segmentBytes);
}
