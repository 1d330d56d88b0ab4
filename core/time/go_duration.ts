/**
 * Durations as Go writes and reads them (`time.Duration.String` and `time.ParseDuration` of Go's standard library):
 * `1h2m3.5s`, `1.5ms`, `0s`. The mesh's API carries them as text.
 *
 * Go's duration is a number of nanoseconds in 64 bits, hence a bigint; Weft counts milliseconds. None of this is for the
 * packet path.
 *
 * @module
 */

const NANOSECONDS_MAX = 2n ** 63n - 1n;
const NANOSECONDS_MIN = -(2n ** 63n);

const MICROSECOND = 1_000n;
const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;

/** Nanoseconds of each unit that Go reads; "µ" as U+00B5 and as U+03BC. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", MICROSECOND],
  ["\u00b5s", MICROSECOND],
  ["\u03bcs", MICROSECOND],
  ["ms", MILLISECOND],
  ["s", SECOND],
  ["m", MINUTE],
  ["h", HOUR],
]);

/** A number with at least one digit, before or after its point, and a unit. */
const TERM_REGEXP = /(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/** No number that fits has more digits than this before or behind its point; the rest would be work for nothing. */
const TEXT_LENGTH_MAX = 256;

/** The shortest exact text of whole nanoseconds, in hours, minutes and seconds, or in one smaller unit below a second. */
export function formatGoDurationNs(nanoseconds: bigint): string {
  if (nanoseconds < 0n) return `-${formatGoDurationNs(-nanoseconds)}`;
  if (nanoseconds === 0n) return "0s";
  if (nanoseconds < MICROSECOND) return `${nanoseconds}ns`;
  if (nanoseconds < MILLISECOND) return `${decimal(nanoseconds, MICROSECOND)}\u00b5s`;
  if (nanoseconds < SECOND) return `${decimal(nanoseconds, MILLISECOND)}ms`;
  const seconds = `${decimal(nanoseconds % MINUTE, SECOND)}s`;
  if (nanoseconds < MINUTE) return seconds;
  const minutes = `${nanoseconds / MINUTE % 60n}m${seconds}`;
  return nanoseconds < HOUR ? minutes : `${nanoseconds / HOUR}h${minutes}`;
}

/** The text of finite milliseconds, rounded to whole nanoseconds and kept within Go's 292 years. */
export function formatGoDuration(milliseconds: number): string {
  // Whole milliseconds are converted as integers: a product would round from 104 days on.
  const whole = Math.trunc(milliseconds);
  const nanoseconds = BigInt(whole) * MILLISECOND + BigInt(Math.round((milliseconds - whole) * 1e6));
  return formatGoDurationNs(clamp(nanoseconds));
}

/** Nanoseconds of what Go would parse; `undefined` for anything else, also past 64 bits. Never throws. */
export function parseGoDurationNs(text: string): bigint | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const isNegative = text.startsWith("-");
  const unsigned = isNegative || text.startsWith("+") ? text.slice(1) : text;
  const magnitude = unsigned === "0" ? 0n : sumOfTerms(unsigned);
  if (magnitude === undefined) return undefined;
  const nanoseconds = isNegative ? -magnitude : magnitude;
  return nanoseconds === clamp(nanoseconds) ? nanoseconds : undefined;
}

/** Milliseconds of what Go would parse, with a fraction; `undefined` for anything else. Never throws. */
export function parseGoDuration(text: string): number | undefined {
  const nanoseconds = parseGoDurationNs(text);
  if (nanoseconds === undefined) return undefined;
  return Number(nanoseconds / MILLISECOND) + Number(nanoseconds % MILLISECOND) / 1e6;
}

/** One or more terms like `1.5h`, each cut to whole nanoseconds. */
function sumOfTerms(text: string): bigint | undefined {
  let sum = 0n;
  let at = 0;
  do {
    TERM_REGEXP.lastIndex = at;
    const match = TERM_REGEXP.exec(text);
    const unit = UNITS.get(match?.[3] ?? "");
    if (!match || unit === undefined) return undefined;
    const fraction = match[2] ?? "";
    sum += BigInt(match[1] ?? "") * unit + BigInt(fraction) * unit / 10n ** BigInt(fraction.length);
    at = TERM_REGEXP.lastIndex;
  } while (at < text.length);
  return sum;
}

/** `value / unit` exactly, without zeros at the end; `unit` is a power of ten. */
function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit).toString().padStart(unit.toString().length - 1, "0").replace(/0+$/, "");
  return fraction ? `${value / unit}.${fraction}` : `${value / unit}`;
}

function clamp(nanoseconds: bigint): bigint {
  if (nanoseconds > NANOSECONDS_MAX) return NANOSECONDS_MAX;
  return nanoseconds < NANOSECONDS_MIN ? NANOSECONDS_MIN : nanoseconds;
}
