/**
 * Cleans up after a lab whose process ends without a chance to: Ctrl-C, which the test runner answers by exiting, or
 * SIGKILL. A small shell in a session of its own waits for its standard input to close, whoever closes it.
 *
 * @module
 */
import { within } from "./eventually.ts";

const DEADLINE_MS = 30_000;

/** Kills what runs in all namespaces whose names start with the first argument, and deletes them. */
const SCRIPT = `
cat >/dev/null
ip netns list | while read -r namespace rest; do
  case $namespace in "$0"*) ;; *) continue ;; esac
  ip netns pids "$namespace" | xargs -r kill -9
  ip netns delete "$namespace"
done
`;

/** Removes the namespaces of one lab at its disposal or at the death of this process. */
export class Reaper implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  /** @param prefix Start of the names of what is removed. */
  constructor(prefix: string) {
    this.#child = new Deno.Command("setsid", {
      args: ["sh", "-c", SCRIPT, prefix],
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  /** Lets the shell do its work now and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    const { code } = await within("the reaper", this.#child.status, DEADLINE_MS);
    if (code !== 0) throw new Error(`the reaper exited with ${code}`);
  }
}
