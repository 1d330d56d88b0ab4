/**
 * How long the disk takes to make a small write durable.
 *
 * @module
 */
import { openDisk } from "../../../core/io/disk_deno.ts";

/** As the usual fio command for logs writes. */
const BLOCK_BYTES = 2300;
const FILE_BYTES = 22 << 20;
const OWN_COUNT = 2000;
const NS_PER_US = 1000;

/** What one write with fdatasync takes, in microseconds. */
export interface DiskFigure {
  readonly by: "fio" | "own loop";
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Measures in `directory` with fio, or with an own loop where fio is not installed. */
export async function measureDisk(directory: string): Promise<DiskFigure> {
  return await measureWithFio(directory).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return measureOurselves(directory);
    throw error;
  });
}

async function measureWithFio(directory: string): Promise<DiskFigure> {
  const { code, stdout, stderr } = await new Deno.Command("fio", {
    args: [
      ...["--name=log", "--rw=write", "--ioengine=sync", "--fdatasync=1", `--directory=${directory}`],
      ...[`--size=${FILE_BYTES}`, `--bs=${BLOCK_BYTES}`, "--output-format=json"],
    ],
  }).output();
  if (code !== 0) throw new Error(`fio failed: ${new TextDecoder().decode(stderr)}`);
  const { sync } = JSON.parse(new TextDecoder().decode(stdout)).jobs[0];
  const { percentile } = sync.lat_ns;
  return { by: "fio", p50Us: percentile["50.000000"] / NS_PER_US, p99Us: percentile["99.000000"] / NS_PER_US };
}

async function measureOurselves(directory: string): Promise<DiskFigure> {
  await using file = await openDisk().open(`${directory}/sync`, "create");
  const block = new Uint8Array(BLOCK_BYTES).fill(1);
  const timesUs: number[] = [];
  for (let i = 0; i < OWN_COUNT; i++) {
    await file.write(block, i * BLOCK_BYTES);
    const before = performance.now();
    await file.sync();
    timesUs.push((performance.now() - before) * 1000);
  }
  timesUs.sort((a, b) => a - b);
  return { by: "own loop", p50Us: timesUs[OWN_COUNT / 2] ?? 0, p99Us: timesUs[Math.floor(OWN_COUNT * 0.99)] ?? 0 };
}
