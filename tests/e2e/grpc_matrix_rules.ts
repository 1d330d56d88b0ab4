/**
 * What holds for every method that a node serves, whatever it does: who may call it, how many requests of what size it takes,
 * and that bytes which are no message are refused.
 *
 * @module
 */
import { type Answers, everywhere, type Expected, type Row, row } from "./grpc_matrix.ts";
import type { MethodKind, Reflected } from "./grpc_caller.ts";

/** Who has not shown a certificate may call these. */
const PUBLIC: ReadonlySet<string> = new Set([
  "v1.Node/Join",
  "v1.Node/GetStatus",
  "v1.PeerDiscovery/ListPeers",
  "grpc.health.v1.Health/Check",
  "grpc.health.v1.Health/List",
  "grpc.health.v1.Health/Watch",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
]);
/** Only through the Unix socket. */
const LOCAL: ReadonlySet<string> = new Set(["weft.v1.Control/Leave", "weft.v1.Control/Restore"]);
/** It does not look at what it is sent. */
const UNSERVED = "v1.Node/NegotiateDataChannel";
/** On a node that does not lead it does not look either. */
const RESTORE = "weft.v1.Control/Restore";

/** A field that is not there in full. */
const GARBAGE = [btoa("\xff\xff\xff")];
const METADATA_BYTES = 9_000;
const MESSAGE_BYTES = (4 << 20) + 1;

/** The table for all methods of `reflected`. */
export function rules(reflected: Reflected): readonly Row[] {
  return Object.entries(reflected).flatMap(([service, methods]) =>
    Object.entries(methods).flatMap(([name, kind]) => rulesOf(`${service}/${name}`, kind))
  );
}

/** The same for what is sent, of methods that a proxy passes on. */
export function tooLarge(methods: readonly string[]): readonly Row[] {
  const raw = [btoa("\0".repeat(MESSAGE_BYTES))];
  return methods.map((method) =>
    row(method, "a message that is too large", { raw }, everywhere({ code: "RESOURCE_EXHAUSTED" }))
  );
}

function rulesOf(method: string, kind: MethodKind): readonly Row[] {
  const asker = LOCAL.has(method) ? "socket" : "member";
  const onLeader = (expected: Expected): Answers =>
    method === RESTORE
      ? { leader: expected, proxied: { code: "FAILED_PRECONDITION" }, bare: { code: "FAILED_PRECONDITION" } }
      : everywhere(expected);
  const refused = (code: string) => method === UNSERVED ? everywhere({ code: "UNIMPLEMENTED" }) : onLeader({ code });
  const metadata = { filler: "x".repeat(METADATA_BYTES) };
  const takesOne = kind === "unary" || kind === "server";
  return [
    row(method, "bytes that are no message", { raw: GARBAGE }, refused("INVALID_ARGUMENT"), asker),
    row(
      method,
      "metadata that is too long",
      { raw: [""], metadata },
      everywhere({ code: "RESOURCE_EXHAUSTED" }),
      asker,
    ),
    ...takesOne
      ? [
        row(method, "no request", { raw: [] }, refused("UNIMPLEMENTED"), asker),
        row(method, "two requests", { raw: ["", ""] }, refused("UNIMPLEMENTED"), asker),
      ]
      : [],
    ...PUBLIC.has(method)
      ? []
      : [row(method, "a stranger", { raw: [""] }, everywhere({ code: "PERMISSION_DENIED" }), "stranger")],
    ...LOCAL.has(method)
      ? [row(method, "not on this host", { raw: [""] }, everywhere({ code: "PERMISSION_DENIED" }))]
      : [],
  ];
}
