/**
 * Makes the next turn of `crashing_worker.ts` its last: a file says so, named by an environment variable, which threads
 * of one process share.
 *
 * @module
 */

/** Names the file. */
export const CRASH_FILE_VARIABLE = "WEFT_TEST_CRASH_FILE";

/** The worker with the flaw. */
export const CRASHING_WORKER: URL = new URL("./crashing_worker.ts", import.meta.url);

/** The test's side; workers started while it lives obey it. */
export class CrashOnDemand implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #file = `${this.#folder}/crash`;

  constructor() {
    Deno.env.set(CRASH_FILE_VARIABLE, this.#file);
  }

  /** One worker dies in its next turn. */
  demand(): void {
    Deno.writeTextFileSync(this.#file, "");
  }

  [Symbol.dispose](): void {
    Deno.env.delete(CRASH_FILE_VARIABLE);
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** The worker's side: true once per demand. */
export function isDemanded(): boolean {
  try {
    Deno.removeSync(Deno.env.get(CRASH_FILE_VARIABLE) ?? "");
    return true;
  } catch {
    return false;
  }
}
