/**
 * Structured logging as every layer sees it; `core/io/` has the one that ships.
 *
 * @module
 */

/** Severity, in rising order. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Values a log field may have. Never a key, token or packet. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A logger bound to a component name. `message` is a stable, short event text; details go in `fields`. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger with the same sink and another component name. */
  child(component: string): Log;
}
