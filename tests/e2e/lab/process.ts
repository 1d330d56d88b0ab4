/**
 * Long-running programs under test: their output line by line, their end, and their certain removal.
 *
 * @module
 */
import type { ProgramOptions } from "./command.ts";
import { eventually } from "./eventually.ts";

/** How long a program may take to end before it is killed. */
const STOP_MS = 10_000;

/** How long its output may stay open after its end, held by what it left running. */
const DRAIN_MS = 1_000;

/** Lines of output that an error message quotes. */
const TAIL_LINES = 40;

/** A started program. Disposing it ends it. */
export class LabProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #what: string;
  readonly #lines: string[] = [];
  readonly #readers: readonly ReadableStreamDefaultReader<Uint8Array>[];
  #openCount: number;
  #status: Deno.CommandStatus | undefined;

  /** Starts `command`; its output is collected from the first line. */
  constructor(command: readonly string[], options: ProgramOptions = {}) {
    this.#what = command.join(" ");
    this.#child = new Deno.Command(command[0] ?? "", {
      ...options,
      args: command.slice(1),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child.status.then((status) => this.#status = status);
    this.#readers = [this.#child.stdout.getReader(), this.#child.stderr.getReader()];
    this.#openCount = this.#readers.length;
    for (const reader of this.#readers) this.#collect(reader).finally(() => this.#openCount--);
  }

  /** The process id as the root namespace sees it. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Standard output and error so far, in order of arrival. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The exit code (128 + n after signal n); `undefined` while it runs or its output is still coming. */
  get exitCode(): number | undefined {
    return this.#openCount === 0 ? this.#status?.code : undefined;
  }

  /**
   * The first line, past or to come, that `matches`.
   *
   * @throws {Error} If the program ends first, or `deadlineMs` pass; the message has its last lines.
   */
  async waitForLine(matches: (line: string) => boolean, deadlineMs: number): Promise<string> {
    let seenCount = 0;
    const next = (): string | undefined => {
      while (seenCount < this.#lines.length) {
        const line = this.#lines[seenCount++];
        if (line !== undefined && matches(line)) return line;
      }
      return undefined;
    };
    let line: string | undefined;
    await this.#within(deadlineMs, "a line", () => (line = next()) !== undefined || this.exitCode !== undefined);
    line ??= next();
    if (line === undefined) throw new Error(`${this.#what} ended without such a line\n${this.#tail()}`);
    return line;
  }

  /** Sends a signal; nothing happens if the program has ended. */
  signal(signal: Deno.Signal): void {
    if (this.#status === undefined) this.#child.kill(signal);
  }

  /** Waits for the end and returns the exit code; the output is complete then. */
  async ended(deadlineMs: number): Promise<number> {
    return await this.#within(deadlineMs, "the end", () => this.exitCode);
  }

  /** SIGTERM, then SIGKILL if it does not end by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGTERM");
    await eventually("end", () => this.#status !== undefined, STOP_MS).catch(() => this.signal("SIGKILL"));
    await this.#child.status;
    await eventually("end of output", () => this.#openCount === 0, DRAIN_MS).catch(() =>
      Promise.all(this.#readers.map((reader) => reader.cancel()))
    );
  }

  async #within<T>(deadlineMs: number, what: string, condition: () => T | undefined | false): Promise<T> {
    try {
      return await eventually(`${what} of ${this.#what}`, condition, deadlineMs);
    } catch (cause) {
      throw new Error(`${cause instanceof Error ? cause.message : cause}\n${this.#tail()}`, { cause });
    }
  }

  async #collect(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (rest + decoder.decode(chunk.value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
    }
    if (rest !== "") this.#lines.push(rest);
  }

  #tail(): string {
    return this.#lines.slice(-TAIL_LINES).join("\n");
  }
}
