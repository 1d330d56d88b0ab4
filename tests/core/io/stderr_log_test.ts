/**
 * Lines for people and programs: shape, levels, colours, and hostile values.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { createLog, LOG_FIELDS_MAX, LOG_VALUE_CHARS_MAX, type LogOptions } from "../../../core/io/stderr_log.ts";
import type { LogFields } from "../../../core/seams/log.ts";

const TIME = "2026-01-02T03:04:05.678Z";

/** A log and the lines it wrote. */
function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "text",
    color: false,
    write: (line) => lines.push(line),
    clock: { wallMs: () => Date.parse(TIME) },
    ...options,
  });
  return { log, lines };
}

function textOf(message: string, fields: LogFields = {}): string {
  const { log, lines } = capture();
  log.child("raft").info(message, fields);
  return lines.join("");
}

function jsonOf(message: string, fields: LogFields = {}): Record<string, unknown> {
  const { log, lines } = capture({ format: "json" });
  log.child("raft").info(message, fields);
  return JSON.parse(lines.join(""));
}

Deno.test("createLog: text is time, level, component, message and fields", () => {
  const { log, lines } = capture();
  log.info("started", { port: 9443, address: "[fd00::1]:9443", tls: false, why: "it was time", none: undefined });
  log.child("raft").warn("leader lost", { term: 7, peer: "" });
  assert.deepEqual(lines, [
    `${TIME} info  weft started port=9443 address=[fd00::1]:9443 tls=false why="it was time"\n`,
    `${TIME} warn  raft leader lost term=7 peer=""\n`,
  ]);
});

Deno.test("createLog: JSON has the same fields under fixed names", () => {
  const { log, lines } = capture({ format: "json" });
  log.child("raft").error("cannot go on", { term: 7, fatal: true, why: 'a "disk"', none: undefined });
  assert.deepEqual(lines, [
    `{"time":"${TIME}","level":"error","component":"raft","message":"cannot go on",` +
    `"term":7,"fatal":true,"why":"a \\"disk\\""}\n`,
  ]);
});

Deno.test("createLog: events below the level are dropped", () => {
  const counts = (["debug", "info", "warn", "error"] as const).map((level) => {
    const { log, lines } = capture({ level });
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    return lines.length;
  });
  assert.deepEqual(counts, [4, 3, 2, 1]);
});

Deno.test("createLog: colours only when told, and only in text", () => {
  const colored = capture({ color: true });
  colored.log.error("x");
  assert.equal(colored.lines[0], `${TIME} \u001b[31merror\u001b[0m weft x\n`);
  const json = capture({ color: true, format: "json" });
  json.log.error("x");
  assert(!json.lines.join("").includes("\u001b"));
});

Deno.test("createLog: a value cannot start a line, end a quote or talk to the terminal", () => {
  const forged = `x" level=error\n${TIME} error weft all is lost`;
  assert.equal(
    textOf("peer said", { text: forged }),
    `${TIME} info  raft peer said text="x\\" level=error\\n${TIME} error weft all is lost"\n`,
  );
  assert.equal(
    textOf("a\nb\u001b[2J", { "k\r": "\u009b31m\u202e" }),
    `${TIME} info  raft a\\u000ab\\u001b[2J k\\u000d="\\u009b31m\\u202e"\n`,
  );
});

Deno.test("createLog: no value makes more than one line or an unsafe character", () => {
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.boolean());
  const fields = fc.dictionary(fc.string({ unit: "binary" }), value);
  fc.assert(fc.property(fc.string({ unit: "binary" }), fields, (message, fields) => {
    for (const format of ["text", "json"] as const) {
      const { log, lines } = capture({ format });
      log.info(message, fields);
      assert.equal(lines.length, 1);
      // deno-lint-ignore no-control-regex -- these are what must not be there
      assert.match(lines[0] ?? "", /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*\n$/);
      if (format === "json") JSON.parse(lines[0] ?? "");
    }
  }));
});

Deno.test("createLog: JSON gives back every value as it was", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), value, (message, value) => {
    const line = jsonOf(message, { value });
    // JSON has no negative zero.
    assert.deepEqual([line["message"], line["value"]], [message, value === 0 ? 0 : value]);
  }));
  assert.deepEqual(jsonOf("x", { a: NaN, b: -Infinity })["a"], "NaN");
});

Deno.test("createLog: a caller's field does not replace one of the log's", () => {
  const line = jsonOf("true", { level: "error", message: "false", time: 0, component: "x" });
  assert.deepEqual(line, {
    time: TIME,
    level: "info",
    component: "raft",
    message: "true",
    level_: "error",
    message_: "false",
    time_: 0,
    component_: "x",
  });
});

Deno.test("LOG_VALUE_CHARS_MAX: a text of that length is whole, a longer one is cut", () => {
  const whole = "x".repeat(LOG_VALUE_CHARS_MAX);
  assert.equal(jsonOf(whole, { a: whole })["a"], whole);
  const cut = jsonOf(`${whole}y`, { a: `${whole}y` });
  assert.deepEqual([cut["message"], cut["a"]], [`${whole}…`, `${whole}…`]);
});

Deno.test("LOG_FIELDS_MAX: so many fields are written, more are not", () => {
  const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));
  assert.equal(Object.keys(jsonOf("x", fields(LOG_FIELDS_MAX))).length, LOG_FIELDS_MAX + 4);
  assert.equal(Object.keys(jsonOf("x", fields(LOG_FIELDS_MAX + 1))).length, LOG_FIELDS_MAX + 4);
});

Deno.test("createLog: what the sink or the clock throws goes nowhere", () => {
  const sink = capture({
    write: () => {
      throw new Error("no space left");
    },
  });
  sink.log.error("x");
  const clock = capture({ clock: { wallMs: () => NaN } });
  clock.log.error("x");
  assert.deepEqual(clock.lines, []);
});
