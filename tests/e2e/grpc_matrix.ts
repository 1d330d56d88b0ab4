/**
 * What a table of gRPC calls consists of: one row is one call, and what each node that is asked has to answer.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GrpcCaller, PythonAnswer, PythonCall } from "./grpc_caller.ts";

/** Who is asked: the node that leads, one that does not and has the leader proxy, and one that has neither. */
export const PLACES = ["leader", "proxied", "bare"] as const;

/** See {@linkcode PLACES}. */
export type Place = (typeof PLACES)[number];

/** Who asks: with a certificate of the mesh, without one, or through the Unix socket. */
export type Asker = "member" | "stranger" | "socket";

/** An answer, as far as it matters. */
export interface Expected {
  /** The status code's name. */
  readonly code: string;
  readonly details?: RegExp;
  /** `undefined` for one that must not be there. */
  readonly trailers?: Readonly<Record<string, unknown>>;
  /** The first response has this; see {@linkcode matches}. */
  readonly response?: unknown;
  /** All of them have this. */
  readonly responses?: readonly unknown[];
  /** Of calls at the same time: each code that came, once. */
  readonly codes?: readonly string[];
}

/** What each place has to answer; those that are left out are not asked. */
export type Answers = Readonly<Partial<Record<Place, Expected>>>;

/** One line of a table. */
export interface Row {
  /** `package.Service/Method`. */
  readonly method: string;
  /** What is special about the call. */
  readonly what: string;
  readonly call: Omit<PythonCall, "channel" | "service" | "method">;
  readonly asker: Asker;
  readonly answers: Answers;
}

/** A line of a table. */
export function row(
  method: string,
  what: string,
  call: Row["call"],
  answers: Answers,
  asker: Asker = "member",
): Row {
  return { method, what, call, asker, answers };
}

/** The same answer at all places. */
export function everywhere(expected: Expected): Answers {
  return { leader: expected, proxied: expected, bare: expected };
}

/** Makes the calls of a table, row by row and place by place, and checks what came back; all that is wrong is told at once. */
export async function checkTable(caller: GrpcCaller, rows: readonly Row[], together = false): Promise<void> {
  const asked = rows.flatMap((row) =>
    PLACES.flatMap((place) => {
      const expected = row.answers[place];
      return expected ? [{ row, place, expected }] : [];
    })
  );
  const calls = asked.map(({ row: { method, call, asker }, place }) => {
    const [service = "", name = ""] = method.split("/");
    return { ...call, channel: channelName(place, asker), service, method: name };
  });
  const answers = await caller.call(calls, { together });
  const problems = asked.flatMap(({ row, place, expected }, i) => {
    const answer = answers[i];
    const problem = answer ? problemOf(answer, expected) : "no answer";
    return problem === undefined ? [] : [`${row.method} (${row.what}), ${row.asker} at ${place}: ${problem}`];
  });
  assert.deepEqual(problems, [], `\n${problems.join("\n")}`);
}

/** The channel on which `asker` asks `place`. */
export function channelName(place: Place, asker: Asker): string {
  return `${place} ${asker}`;
}

function problemOf(answer: PythonAnswer, expected: Expected): string | undefined {
  const { code, details, trailers, responses } = answer;
  const codes = Object.keys(answer.said ?? {}).sort();
  const wrong = [
    expected.codes === undefined && code !== expected.code && `code ${code}`,
    expected.details && !expected.details.test(details) && "details",
    !matches(trailers, expected.trailers ?? {}) && "trailers",
    expected.response !== undefined && !matches(responses[0], expected.response) && "response",
    expected.responses !== undefined && !matches(responses, expected.responses) && "responses",
    expected.codes !== undefined && !matches(codes, expected.codes) && JSON.stringify(answer.said),
  ].filter((text) => typeof text === "string");
  if (wrong.length === 0) return undefined;
  const got = JSON.stringify({ code, details, trailers, responses }).slice(0, 600);
  return `wanted ${expected.code}, wrong is ${wrong.join(", ")}; got ${got}`;
}

/** Whether `actual` has what `wanted` says: its fields, what its expressions match and its functions accept. */
export function matches(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted === "function") return wanted(actual) === true;
  if (wanted instanceof RegExp) return typeof actual === "string" && wanted.test(actual);
  if (Array.isArray(wanted)) {
    return Array.isArray(actual) && actual.length === wanted.length &&
      wanted.every((each, i) => matches(actual[i], each));
  }
  if (typeof wanted !== "object" || wanted === null) return actual === wanted;
  if (typeof actual !== "object" || actual === null) return false;
  const fields = new Map(Object.entries(actual));
  return Object.entries(wanted).every(([name, value]) => matches(fields.get(name), value));
}
