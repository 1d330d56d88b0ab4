/**
 * The worker's end of `main.ts`: plays the job that it is sent, answers with what came of each seed, and ends with `null`.
 *
 * @module
 */
import { type Job, playJob } from "./job.ts";

/** What the worker's scope offers of a port. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Job>) => void) | null;
  postMessage(message: unknown): void;
}

const scope: unknown = globalThis;

function isWorkerScope(value: unknown): value is WorkerScope {
  return typeof value === "object" && value !== null && "postMessage" in value;
}

if (isWorkerScope(scope)) {
  scope.onmessage = async ({ data }) => {
    await playJob(data, (played) => scope.postMessage(played));
    scope.postMessage(null);
  };
}
