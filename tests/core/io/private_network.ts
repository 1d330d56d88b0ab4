/**
 * A network namespace for one test: nothing that the test does to interfaces, addresses and routes reaches the host.
 *
 * @module
 */
import { eventually } from "../../e2e/lab/eventually.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { FileDescriptor } from "../../../core/io/file_descriptor.ts";

const CLONE_NEWNET = 0x40000000;
const THREAD_NAMESPACE = "/proc/thread-self/ns/net";

/** What the tests look at interfaces with, and give up privileges with. */
const RELEASE_DEADLINE_MS = 10_000;
const COMMANDS = ["ip", "ss", "ping", "setpriv", "unshare"];

const SYMBOLS = {
  // int unshare(int flags);
  unshare: { parameters: ["i32"], result: "i32" },
  // int setns(int fd, int nstype);
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Why namespaces cannot be used here, `undefined` if they can. Printed once per test file that asks. */
export function whyNoPrivateNetwork(): string | undefined {
  if (Deno.uid() !== 0) return reportSkip("tests of TUN devices and routes need root");
  try {
    Deno.statSync("/dev/net/tun");
  } catch {
    return reportSkip("tests of TUN devices need /dev/net/tun");
  }
  for (const command of COMMANDS) {
    if (!succeeds("sh", "-c", `command -v ${command}`)) {
      return reportSkip(`tests of TUN devices need the command ${command}`);
    }
  }
  if (succeeds("unshare", "--net", "true")) return undefined;
  return reportSkip("this system refuses network namespaces (unshare --net)");
}

function succeeds(command: string, ...args: string[]): boolean {
  return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
}

function reportSkip(reason: string): string {
  console.log(`Skipped: ${reason}`);
  return reason;
}

/** While it lives, the calling thread and the processes it starts are in a namespace with only a `lo` that is down. */
export class PrivateNetwork implements Disposable {
  readonly #libc: Libc;
  readonly #system: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #home: FileDescriptor;

  constructor() {
    this.#libc = Libc.open();
    this.#system = Deno.dlopen("libc.so.6", SYMBOLS);
    const path = new TextEncoder().encode(`${THREAD_NAMESPACE}\0`);
    this.#home = FileDescriptor.own(this.#libc, "open", this.#libc.call.open(path, 0));
    if (this.#system.symbols.unshare(CLONE_NEWNET) !== 0) throw new Error("Cannot make a network namespace");
  }

  [Symbol.dispose](): void {
    this.#system.symbols.setns(this.#home.number, CLONE_NEWNET);
    this.#home[Symbol.dispose]();
    this.#system.close();
    this.#libc[Symbol.dispose]();
  }
}

/** Runs a program to its end, in the calling thread's namespace. Throws with its output if it fails. */
export function run(command: string, ...args: string[]): string {
  const output = new Deno.Command(command, { args, stdin: "null" }).outputSync();
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) {
    throw new Error(`${command} ${args.join(" ")}: ${text}${new TextDecoder().decode(output.stderr)}`);
  }
  return text;
}

/**
 * Waits until the system has taken back what was closed. Not always at once: a program that another thread of the tests starts has
 * a copy of each descriptor until it is executed, and the last copy counts.
 *
 * @throws {Error} After ten seconds.
 */
export async function released(what: string, isReleased: () => boolean): Promise<void> {
  await eventually(`${what} to go`, isReleased, RELEASE_DEADLINE_MS);
}
