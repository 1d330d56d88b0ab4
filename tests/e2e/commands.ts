/**
 * Commands on a host of the lab, as a person types them: Weft from source, and small programs beside it.
 *
 * @module
 */
import type { CommandOptions, CommandResult } from "./lab/command.ts";
import type { Host } from "./lab/host.ts";
import type { LabProcess } from "./lab/process.ts";
import { sourceProgram } from "./programs.ts";
import type { CallOutcome } from "./raw_call.ts";

const ROOT = (import.meta.dirname ?? "").replace(/\/tests\/e2e$/, "");
const LISTEN_MS = 10_000;

/** Runs `weft …args` on `host` to its end. */
export async function weft(host: Host, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { command, options: surroundings } = sourceProgram().command(...args);
  return await host.exec(command, { ...surroundings, ...options });
}

/** Sends one Join from `host`; see `raw_call.ts`. */
export async function rawJoin(
  host: Host,
  address: string,
  request: Readonly<Record<string, unknown>>,
): Promise<CallOutcome> {
  return await rawCall(host, "join", address, request);
}

/** Sends one Leave from `host`; see `raw_call.ts`. */
export async function rawLeave(host: Host, address: string, id: string): Promise<CallOutcome> {
  return await rawCall(host, "leave", address, { id });
}

async function rawCall(host: Host, method: string, address: string, request: unknown): Promise<CallOutcome> {
  const script = ["run", "-A", "--quiet", "--frozen", "--config", `${ROOT}/deno.json`, `${ROOT}/tests/e2e/raw_call.ts`];
  const output = await host.mustExec([Deno.execPath(), ...script, method, address, JSON.stringify(request)]);
  return JSON.parse(output) as CallOutcome;
}

/** Scripts that take a port; each prints a line when it has it. */
const LISTENERS = {
  tcp: (port: number) => `Deno.listen({ hostname: "::", port: ${port} })`,
  udp: (port: number) => `Deno.listenDatagram({ transport: "udp", hostname: "::", port: ${port} })`,
  /** Speaks HTTP/1.1 and HTTP/2, and has no page for anybody. */
  http: (port: number) =>
    `Deno.serve({ port: ${port}, onListen() {} }, () => new Response("no such page\\n", { status: 404 }))`,
  /** Answers every connection as an HTTP/1.0 server does that does not understand a word. */
  oldHttp: (port: number) =>
    `(async () => { for await (const c of Deno.listen({ port: ${port} })) { ` +
    `await c.write(new TextEncoder().encode("HTTP/1.0 400 Bad Request\\r\\n\\r\\n")); c.close(); } })()`,
} as const;

/** Starts a program on `host` that holds a port until it is disposed. */
export async function listenOn(host: Host, kind: keyof typeof LISTENERS, port: number): Promise<LabProcess> {
  const script = `${LISTENERS[kind](port)}; console.log("has it"); setInterval(() => {}, 1000)`;
  const process = host.spawn([Deno.execPath(), "eval", "--quiet", "--no-config", "--unstable-net", script]);
  await process.waitForLine((line) => line === "has it", LISTEN_MS);
  return process;
}
