/**
 * A log that remembers what it was told, for tests that look at it.
 *
 * @module
 */
import type { Log, LogFields, LogLevel } from "../../core/seams/log.ts";

/** One line. */
export interface LogLine {
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Children write to the same `lines`. */
export class MemoryLog implements Log {
  readonly component: string;
  readonly lines: LogLine[];

  constructor(component = "test", lines: LogLine[] = []) {
    this.component = component;
    this.lines = lines;
  }

  debug(message: string, fields?: LogFields): void {
    this.#add("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#add("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#add("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#add("error", message, fields);
  }

  child(component: string): MemoryLog {
    return new MemoryLog(component, this.lines);
  }

  /** How many lines have this message. */
  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  #add(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, component: this.component, message, fields });
  }
}
