/**
 * An output that keeps what a command printed.
 *
 * @module
 */
import { type Layout, PLAIN_LAYOUT } from "../../../core/cli/format.ts";
import { makeOutput, type Output } from "../../../core/cli/output.ts";

/** Both streams as text. */
export class RecordedOutput {
  readonly output: Output;
  out = "";
  err = "";

  constructor(layout: Layout = PLAIN_LAYOUT) {
    this.output = makeOutput((text) => this.out += text, (text) => this.err += text, layout, layout);
  }

  /** Standard output as JSON. */
  get json(): Record<string, unknown> {
    return JSON.parse(this.out) as Record<string, unknown>;
  }
}
