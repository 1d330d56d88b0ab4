/**
 * Which node a client command talks to, and what it says when that node cannot be talked to.
 *
 * @module
 */
import type { Command } from "commander";
import { loadTlsFiles } from "../io/tls_files.ts";
import { parseHostPort } from "../node/config.ts";
import { SOCKET_FILE_NAME } from "../node/node.ts";
import { environmentName } from "../node/options.ts";
import { MeshError } from "../plugin/errors.ts";
import { connect, type RpcClient } from "../rpc/client.ts";
import { UsageError } from "./exit.ts";

/** A node that does not answer within this time is reported as such, in milliseconds. */
export const CALL_TIMEOUT_MS = 10_000;

/** Options of client commands, as the user gave them. */
export interface TargetOptions {
  readonly socket?: string;
  readonly dataDir?: string;
  readonly server?: string;
  readonly insecure?: boolean;
  readonly tlsCertFile?: string;
  readonly tlsKeyFile?: string;
  readonly tlsCaFile?: string;
  readonly json?: boolean;
}

/** What the host contributes to the choice of a node. */
export interface TargetHost {
  readonly environment: Readonly<Record<string, string>>;
  /** Where a node keeps its state unless told otherwise. */
  readonly dataDir: string;
}

/** How to reach the chosen node. */
export type Target =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "plaintext"; readonly address: string }
  | {
    readonly kind: "tls";
    readonly address: string;
    readonly certFile: string;
    readonly keyFile: string;
    readonly caFile: string;
  };

/** Adds the options that choose a node, and `--json`. */
export function addTargetOptions(command: Command, defaultDataDir: string): Command {
  return command
    .optionsGroup("Which node:")
    .option("--data-dir <DIR>", `data directory of a node on this host (default: ${defaultDataDir})`)
    .option("--socket <PATH>", `Unix socket of a node (default: ${SOCKET_FILE_NAME} in the data directory)`)
    .option("--server <HOST:PORT>", "gRPC address of a node, instead of a socket")
    .option("--insecure", "reach --server without TLS")
    .option("--tls-cert-file <FILE>", "certificate to show to --server, PEM")
    .option("--tls-key-file <FILE>", "its private key, PEM")
    .option("--tls-ca-file <FILE>", "certificate authority of the mesh, PEM")
    .optionsGroup("Output:")
    .option("--json", "print JSON");
}

/**
 * The node that options and environment choose. Options come before the environment: a node chosen by an option makes
 * variables that choose another way of no effect.
 *
 * @throws {UsageError} For settings that contradict each other or cannot be read.
 */
export function chooseTarget(options: TargetOptions, { environment, dataDir }: TargetHost): Target {
  const variable = (name: string) => environment[environmentName(name)] || undefined;
  const isChosen = (options.socket ?? options.server ?? options.dataDir) !== undefined;
  const socket = options.socket ?? (isChosen ? undefined : variable("socket"));
  const server = options.server ?? (isChosen ? undefined : variable("server"));
  if (socket !== undefined && server !== undefined) {
    throw new UsageError("Cannot use a socket and a server together: a command talks to one node");
  }
  if (server !== undefined) return serverTarget(server, options, variable);
  return {
    kind: "socket",
    path: socket ?? `${options.dataDir ?? variable("data-dir") ?? dataDir}/${SOCKET_FILE_NAME}`,
  };
}

function serverTarget(
  address: string,
  options: TargetOptions,
  variable: (name: string) => string | undefined,
): Target {
  if (!parseHostPort(address)?.port || address.startsWith(":")) {
    throw new UsageError(`Cannot use the server "${address}": expected HOST:PORT, for example 192.0.2.1:8443`);
  }
  const given = options.tlsCertFile ?? options.tlsKeyFile ?? options.tlsCaFile;
  if (options.insecure && given !== undefined) throw new UsageError("Cannot use --insecure with TLS files: choose one");
  if (options.insecure ?? (given === undefined && isTrue(variable("insecure")))) return { kind: "plaintext", address };
  const certFile = options.tlsCertFile ?? variable("tls-cert-file");
  const keyFile = options.tlsKeyFile ?? variable("tls-key-file");
  const caFile = options.tlsCaFile ?? variable("tls-ca-file");
  if (certFile === undefined || keyFile === undefined || caFile === undefined) {
    throw new UsageError(
      "Cannot reach a server without --tls-cert-file, --tls-key-file and --tls-ca-file, or --insecure",
      "Give all three files of the mesh, or --insecure if the mesh runs with it.",
    );
  }
  return { kind: "tls", address, certFile, keyFile, caFile };
}

function isTrue(text: string | undefined): boolean {
  if (text === undefined || /^(true|1|false|0)$/.test(text)) return text === "true" || text === "1";
  throw new UsageError(`Cannot use ${environmentName("insecure")}="${text}": expected true or false`);
}

/**
 * Connects to the chosen node and asks it.
 *
 * @throws {UsageError} See {@linkcode chooseTarget}.
 * @throws {ConfigError} For TLS files that cannot be used.
 * @throws {MeshError} What `ask` throws, with a hint in any case.
 */
export async function askNode<Answer>(
  options: TargetOptions,
  host: TargetHost,
  ask: (client: RpcClient) => Promise<Answer>,
): Promise<Answer> {
  const target = chooseTarget(options, host);
  await using client = await connectTo(target);
  try {
    return await ask(client);
  } catch (error) {
    throw error instanceof MeshError ? explained(error, target) : error;
  }
}

async function connectTo(target: Target): Promise<RpcClient> {
  switch (target.kind) {
    case "socket":
      return connect({ socketPath: target.path }, { kind: "insecure" });
    case "plaintext":
      return connect({ address: target.address }, { kind: "insecure" });
    case "tls": {
      const { address, ...files } = target;
      return connect({ address }, { kind: "tls", ...await loadTlsFiles(files) });
    }
  }
}

/** The same error with what the user may do about it, where the node did not say. */
function explained(error: MeshError, target: Target): MeshError {
  if (error.hint !== undefined) return error;
  const details = { cause: error };
  const isSocket = target.kind === "socket";
  switch (error.reason) {
    case "not-running":
      return new MeshError("not-running", error.message, {
        ...details,
        hint: "Start it with `weft run`, or name another node with --data-dir, --socket or --server.",
      });
    case "permission-denied":
      return new MeshError("permission-denied", error.message, {
        ...details,
        hint: isSocket
          ? "Run the command as the user that runs the node, for example with sudo."
          : "Run the command on the node itself, or with a certificate of the mesh.",
      });
    case "unavailable":
      // The library names the reason in the text only.
      return new MeshError(/\bECONNREFUSED\b/.test(error.message) ? "not-running" : "unavailable", error.message, {
        ...details,
        hint: "Check that the node runs, that its address is right, and that both sides use TLS or neither.",
      });
    case "timeout":
      return new MeshError("timeout", error.message, {
        ...details,
        hint: "Check that the node runs, and that nothing between here and there drops its packets.",
      });
    case "no-leader":
      return new MeshError("no-leader", error.message, {
        ...details,
        hint: "A majority of the voters must be up and reach each other: look at `weft status`.",
      });
    default:
      return error;
  }
}
