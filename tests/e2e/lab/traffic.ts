/**
 * Traffic between hosts of a lab: does it arrive, and how fast.
 *
 * @module
 */
import type { Host } from "./host.ts";

/** How long iperf3 may take beyond the time it measures. */
const IPERF_MARGIN_MS = 10_000;

/** One echo request from `from` to `address`; true if it is answered within `waitMs`. */
export async function ping(from: Host, address: string, waitMs = 1_000): Promise<boolean> {
  const { code } = await from.exec(["ping", "-n", "-q", "-c", "1", "-W", String(waitMs / 1_000), address]);
  return code === 0;
}

/** What a measurement found. */
export interface Throughput {
  /** Bits per second of TCP payload that arrived. */
  readonly bitsPerSecond: number;
  /** Segments sent again. */
  readonly retransmitCount: number;
}

/**
 * Measures one TCP stream from `from` to `address` of `to` with iperf3.
 *
 * @param seconds Whole seconds, at least 1: iperf3 takes 0 for "until stopped".
 * @throws {Error} If iperf3 fails; the message has its output.
 */
export async function iperf(from: Host, to: Host, address: string, seconds: number): Promise<Throughput> {
  await using server = to.spawn(["iperf3", "--server", "--one-off", "--forceflush", "--bind", address]);
  await server.waitForLine((line) => line.includes("listening"), IPERF_MARGIN_MS);
  const client = ["iperf3", "--json", "--client", address, "--time", String(Math.max(1, Math.ceil(seconds)))];
  const json = await from.mustExec(client, { deadlineMs: seconds * 1_000 + IPERF_MARGIN_MS });
  const { end } = JSON.parse(json) as {
    end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits: number } };
  };
  await server.ended(IPERF_MARGIN_MS);
  return { bitsPerSecond: end.sum_received.bits_per_second, retransmitCount: end.sum_sent.retransmits };
}
