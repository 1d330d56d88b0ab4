/**
 * What a transcript's directives print: indented by section, silenced by the log level `none`.
 *
 * @module
 */

/** Collects lines. */
export class Output {
  #lines: string[] = [];
  #indent = "";
  #level = "debug";

  /** The lines so far, each with a line end. */
  get text(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  /** Nothing but errors is wanted. */
  get quiet(): boolean {
    return this.#level === "none";
  }

  clear(): void {
    this.#lines = [];
  }

  /** Sets the level; returns the one before. */
  setLevel(level: string): string {
    const before = this.#level;
    this.#level = level.toLowerCase();
    return before;
  }

  /** Prints `text`, which may have several lines. */
  line(text: string): void {
    if (this.quiet) return;
    for (const line of text.split("\n")) this.#lines.push(this.#indent + line);
  }

  /** What `body` prints is indented once more. */
  indented(body: () => void): void {
    const before = this.#indent;
    this.#indent += "  ";
    body();
    this.#indent = before;
  }
}
