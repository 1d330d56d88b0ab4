import assert from "node:assert/strict";
import { Command, CommanderError } from "commander";
import type { UsageError } from "../../../core/cli/exit.ts";
import { usageError } from "../../../core/cli/usage.ts";

function program(): Command {
  const root = new Command("weft");
  root.command("keys").command("public");
  root.command("run");
  return root;
}

function complaint(message: string, ...args: string[]): UsageError {
  return usageError(new CommanderError(1, "commander.some", message), program(), args);
}

Deno.test("usageError: one sentence in the form of all errors", () => {
  const cases: [string, string][] = [
    ["error: unknown option '--mto'\n(Did you mean --mtu?)", 'Unknown option "--mto". Did you mean --mtu?'],
    ["error: unknown option '--x'", 'Unknown option "--x"'],
    ["error: option '--mtu <N>' argument missing", 'Option "--mtu <N>" argument missing'],
    [
      "error: too many arguments for 'nodes'. Expected 0 arguments but got 1: a.",
      'Too many arguments for "nodes". Expected 0 arguments but got 1: a',
    ],
    [
      "error: unknown command 'x'\n(Did you mean one of a, b?)",
      'Unknown command "x". Did you mean one of a, b?',
    ],
  ];
  for (const [message, text] of cases) assert.equal(complaint(message).message, text);
});

Deno.test("usageError: names the help of the command that was meant", () => {
  const hint = (...args: string[]) => complaint("error: no", ...args).hint;
  assert.equal(hint(), "See: weft --help");
  assert.equal(hint("--x", "run"), "See: weft --help");
  assert.equal(hint("run", "--x"), "See: weft run --help");
  assert.equal(hint("keys", "public", "keys"), "See: weft keys public --help");
  assert.equal(hint("keys", "x"), "See: weft keys --help");
});
