/**
 * The log that ships: one line per event, for people or for programs.
 *
 * ```text
 * 2026-01-02T03:04:05.678Z warn  raft peer does not answer peer=3 address="10.0.0.3:9443 (tcp)"
 * {"time":"2026-01-02T03:04:05.678Z","level":"warn","component":"raft","message":"peer does not answer","peer":3}
 * ```
 *
 * The fields `time`, `level`, `component` and `message` are always there, in this order, under these names in JSON;
 * the caller's follow in the caller's order. A caller's field of one of these names gets an underscore behind it, and
 * fields that are `undefined` are left out.
 *
 * Whatever is in a value, a line stays one line and a terminal shows it as text: control characters, line separators
 * and marks that reverse the direction of writing come out as `\u….`. Long values are cut.
 *
 * @module
 */
import type { Clock } from "../seams/clock.ts";
import type { Log, LogFields, LogLevel } from "../seams/log.ts";
import { systemClock } from "./clock.ts";

/** Longer messages and values are cut here, in UTF-16 units. */
export const LOG_VALUE_CHARS_MAX = 4096;
/** A line has at most this many fields of its caller. */
export const LOG_FIELDS_MAX = 64;

/** Settings of {@linkcode createLog}. */
export interface LogOptions {
  /** Events below it are dropped. */
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Text only: colour by level. The caller knows about terminals and NO_COLOR. */
  readonly color: boolean;
  /** Gets whole lines with their newline; what it throws is lost. */
  readonly write: (line: string) => void;
  /** Default: the system's. */
  readonly clock?: Pick<Clock, "wallMs">;
}

/** One event, escaped by nobody yet. */
interface Event {
  readonly time: string;
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
  readonly fields: LogFields;
}

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const RESERVED = new Set(["time", "level", "component", "message"]);
const LEVEL_CHARS = 5;

/** SGR parameters (ECMA-48 §8.3.117): grey, none, yellow, red. */
const COLORS: Readonly<Record<LogLevel, string>> = { debug: "90", info: "0", warn: "33", error: "31" };

/** Values that are readable without quotes. */
const PLAIN_REGEXP = /^[\w./:@+%*,\[\]-]+$/;

// deno-lint-ignore no-control-regex -- finding them is the point
const UNSAFE_REGEXP = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A log for the component `weft`; its children share level, format and sink. None of its methods throws. */
export function createLog(options: LogOptions): Log {
  return new LineLog(options, "weft");
}

class LineLog implements Log {
  readonly #options: LogOptions;
  readonly #component: string;

  constructor(options: LogOptions, component: string) {
    this.#options = options;
    this.#component = component;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  child(component: string): Log {
    return new LineLog(this.#options, component);
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    const { level: least, format, color, write, clock = systemClock } = this.#options;
    if (RANKS[level] < RANKS[least]) return;
    try {
      const time = new Date(clock.wallMs()).toISOString();
      const event = { time, level, component: this.#component, message, fields };
      write(`${format === "json" ? jsonLine(event) : textLine(event, color)}\n`);
    } catch {
      // Nobody is left to be told: a log that fails must not take the node with it.
    }
  }
}

function textLine({ time, level, component, message, fields }: Event, color: boolean): string {
  const [on, off] = color ? [`\u001b[${COLORS[level]}m`, "\u001b[0m"] : ["", ""];
  const pairs = callersFields(fields).map(([name, value]) => ` ${escaped(name)}=${textValue(value)}`).join("");
  return `${time} ${on}${level.padEnd(LEVEL_CHARS)}${off} ${escaped(component)} ${escaped(cut(message))}${pairs}`;
}

function textValue(value: string | number | boolean): string {
  const text = cut(String(value));
  return PLAIN_REGEXP.test(text) ? text : escaped(JSON.stringify(text));
}

function jsonLine({ time, level, component, message, fields }: Event): string {
  const line: Record<string, string | number | boolean> = { time, level, component, message: cut(message) };
  for (const [name, value] of callersFields(fields)) {
    const isNumber = typeof value === "number" && Number.isFinite(value);
    line[name] = isNumber || typeof value === "boolean" ? value : cut(String(value));
  }
  return escaped(JSON.stringify(line));
}

function callersFields(fields: LogFields): [name: string, value: string | number | boolean][] {
  return Object.entries(fields)
    .flatMap(([name, value]): [string, string | number | boolean][] => value === undefined ? [] : [[name, value]])
    .slice(0, LOG_FIELDS_MAX)
    .map(([name, value]) => [RESERVED.has(name) ? `${name}_` : name, value]);
}

function cut(text: string): string {
  return text.length <= LOG_VALUE_CHARS_MAX ? text : `${text.slice(0, LOG_VALUE_CHARS_MAX)}…`;
}

/** Replaces what a terminal or a reader of lines would act on. */
function escaped(text: string): string {
  return text.replace(UNSAFE_REGEXP, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
