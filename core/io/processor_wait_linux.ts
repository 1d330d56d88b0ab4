/**
 * How long this thread has waited for a processor while it wanted to run (proc_pid_schedstat(5)): on a busy host, or because its
 * share was used up.
 *
 * @module
 */

const FILE = "/proc/thread-self/schedstat";

/** In milliseconds since the thread began; `undefined` if the system does not say. */
export function processorWaitMs(): number | undefined {
  try {
    // Nanoseconds that it ran, nanoseconds that it waited to run, how often it ran.
    const [, waitedNs] = Deno.readTextFileSync(FILE).split(" ");
    return waitedNs === undefined ? undefined : Number(waitedNs) / 1e6;
  } catch {
    return undefined;
  }
}
