/**
 * Rules about ambient authority: which files may touch the operating system, the clock, timers and chance.
 *
 * @module
 */
import { isShipped, liesIn, PURE_FOLDERS } from "../layers.ts";
import { eachImport } from "./import_statements.ts";
import { sameNode, scoped } from "./scoped.ts";

/** The only file of the program with a timer, and the only one of the tests. */
const ALARMS: readonly string[] = ["core/io/alarm.ts", "tests/e2e/lab/eventually.ts"];

const TIMERS = new Set(["setTimeout", "setInterval", "setImmediate", "requestAnimationFrame"]);
const IO_GLOBALS = new Set(["Deno", "globalThis", "fetch", "WebSocket", "Worker", "localStorage", "navigator"]);
/** Reads the clock or draws chance: object and member. */
const CLOCK_AND_CHANCE = new Set([
  "Date.now",
  "performance.now",
  "performance.timeOrigin",
  "Math.random",
  "crypto.getRandomValues",
  "crypto.randomUUID",
]);
/** Members of noble and WebCrypto that draw random numbers. */
const DRAWS = new Set(["randomBytes", "randomSecretKey", "randomPrivateKey", "keygen", "generateKey"]);

function isInIo(path: string): boolean {
  return path.startsWith("core/io/");
}

/** `object.member` as text if both are plain names. */
function memberName(node: Deno.lint.MemberExpression): string | undefined {
  if (node.computed || node.object.type !== "Identifier" || node.property.type !== "Identifier") return undefined;
  return `${node.object.name}.${node.property.name}`;
}

/** False for names that only label something: `x.name`, `{ name: … }`, members of classes and interfaces. */
function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.computed || !sameNode(parent.property, node);
    case "Property":
      return parent.shorthand || parent.computed || !sameNode(parent.key, node);
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return !sameNode(parent.key, node);
    case "TSQualifiedName":
      return !sameNode(parent.right, node);
    default:
      return true;
  }
}

/** Only the command line talks to people by itself; everything else has a Log. */
const SPEAKERS: readonly string[] = ["core/cli/", "main.ts"];

/** Only `core/io/` says `Deno`, imports `node:` modules or starts workers and connections. */
export const io: Deno.lint.Rule = scoped((path) => isShipped(path) && !isInIo(path), (context, path) => ({
  ...eachImport(context, (specifier, node) => {
    if (!specifier.startsWith("node:") || specifier === "node:buffer") return;
    context.report({ node, message: `only core/io/ may import ${specifier}` });
  }),
  Identifier(node) {
    if (IO_GLOBALS.has(node.name) && isReference(node)) {
      context.report({ node, message: `only core/io/ may use ${node.name}` });
    }
    if (node.name === "console" && isReference(node) && !liesIn(path, SPEAKERS)) {
      context.report({ node, message: "log through a Log" });
    }
  },
}));

/** Outside `core/io/` the clock and chance arrive as arguments or through the seams. */
export const clock: Deno.lint.Rule = scoped((path) => isShipped(path) && !isInIo(path), (context, path) => ({
  MemberExpression(node) {
    const name = memberName(node);
    if (name && CLOCK_AND_CHANCE.has(name)) {
      context.report({ node, message: `${name} is read in core/io/ and passed in` });
    }
    if (liesIn(path, PURE_FOLDERS) && node.property.type === "Identifier" && DRAWS.has(node.property.name)) {
      context.report({ node, message: `${node.property.name} draws random numbers; take a Random` });
    }
  },
  ImportSpecifier(node) {
    if (liesIn(path, PURE_FOLDERS) && node.imported.type === "Identifier" && DRAWS.has(node.imported.name)) {
      context.report({ node, message: `${node.imported.name} draws random numbers; take a Random` });
    }
  },
  NewExpression(node) {
    if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0) {
      context.report({ node, message: "new Date() reads the clock; take wallMs" });
    }
  },
  CallExpression(node) {
    if (node.callee.type === "Identifier" && node.callee.name === "Date") {
      context.report({ node, message: "Date() reads the clock; take wallMs" });
    }
  },
}));

/** One timer in the program, none in the cores, and none in tests: they wait for conditions. */
export const alarm: Deno.lint.Rule = scoped(
  (path) => path.endsWith(".ts") && !liesIn(path, ALARMS),
  (context, path) => ({
    Identifier(node) {
      if (TIMERS.has(node.name) && isReference(node)) {
        context.report({ node, message: `${node.name} belongs to ${ALARMS.join(" or ")}` });
      }
      if (node.name === "queueMicrotask" && isReference(node) && liesIn(path, PURE_FOLDERS)) {
        context.report({ node, message: "a core returns its effects; nothing happens later by itself" });
      }
    },
    MemberExpression(node) {
      if (memberName(node) === "AbortSignal.timeout") {
        context.report({ node, message: `AbortSignal.timeout is a timer; it belongs to ${ALARMS.join(" or ")}` });
      }
    },
  }),
);
