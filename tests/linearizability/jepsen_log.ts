/**
 * Reads histories of one register in Jepsen's text form: lines such as `INFO  jepsen.util - 2	:invoke	:cas	[3 0]`.
 *
 * A process calls one operation at a time. `:ok` returns it; `:fail` of a `:cas` says that the expected value was not there;
 * a read that timed out says nothing; `:info` leaves the outcome open for ever.
 *
 * @module
 */
import type { Operation } from "./checker.ts";
import type { RegisterInput } from "./register.ts";

const LINE_REGEXP = /^INFO\s+jepsen\.util - (\d+)\t:(invoke|ok|fail|info)\t:(read|write|cas)\t(.*)$/;
/** A register's `nil`; values of the histories are small and not negative. */
const NIL = 0;

interface Call {
  readonly input: RegisterInput;
  readonly callAt: number;
}

/** Returns the operations of `text`. Lines of another form are left out. */
export function parseJepsenLog(text: string): Operation<RegisterInput, number>[] {
  const operations: Operation<RegisterInput, number>[] = [];
  const open = new Map<string, Call>();
  text.split("\n").forEach((line, time) => {
    const [, process = "", event = "", kind = "", argument = ""] = LINE_REGEXP.exec(line) ?? [];
    if (event === "invoke") open.set(process, { input: inputOf(kind, argument), callAt: time });
    const call = open.get(process);
    if (call === undefined || event === "invoke" || event === "info" || event === "") return;
    open.delete(process);
    const isLost = event === "fail" && kind !== "cas";
    const output = isLost ? undefined : outputOf(kind, event, argument);
    operations.push({ ...call, output, returnAt: isLost ? Infinity : time });
  });
  for (const call of open.values()) operations.push({ ...call, output: undefined, returnAt: Infinity });
  return operations;
}

function inputOf(kind: string, argument: string): RegisterInput {
  switch (kind) {
    case "write":
      return { kind, value: valueOf(argument) };
    case "cas": {
      const [expected = "", value = ""] = argument.slice(1, -1).split(" ");
      return { kind, expected: valueOf(expected), value: valueOf(value) };
    }
    default:
      return { kind: "read" };
  }
}

function outputOf(kind: string, event: string, argument: string): number {
  if (kind === "read") return valueOf(argument);
  return event === "ok" ? 1 : 0;
}

/** Keeps `nil` apart from the value 0. */
function valueOf(text: string): number {
  return text === "nil" ? NIL : Number(text) + 1;
}
