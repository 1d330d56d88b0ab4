/**
 * Which node a client command talks to, and the options that say so.
 *
 * @module
 */
import type { Command } from "commander";
import { defaultDataDir, environment } from "../io/process.ts";
import { loadTlsFiles } from "../io/tls_files.ts";
import { environmentName } from "../node/options.ts";
import { connect, type RpcClient } from "../rpc/client.ts";
import { UsageError } from "./exit.ts";

/** Name of the node's Unix socket in its data directory. */
export const SOCKET_FILE_NAME = "weft.sock";
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

/** Adds the options that choose a node, and `--json`. */
export function addTargetOptions(command: Command): Command {
  return command
    .option("--socket <path>", "Unix socket of the node (default: in the data directory)")
    .option("--data-dir <dir>", "data directory of the node")
    .option("--server <host:port>", "gRPC address of a node, instead of the socket")
    .option("--insecure", "gRPC without TLS to --server")
    .option("--tls-ca-file <file>", "certificate authority of the mesh, PEM")
    .option("--tls-cert-file <file>", "client certificate, PEM")
    .option("--tls-key-file <file>", "client key, PEM")
    .option("--json", "print JSON");
}

/**
 * Connects to the chosen node; `--socket` and `--server` exclude each other, environment variables stand in for flags.
 *
 * @throws {UsageError} For options that contradict each other.
 * @throws {ConfigError} For TLS files that cannot be used.
 */
export async function connectTarget(options: TargetOptions): Promise<RpcClient> {
  const fromEnvironment = environment();
  const pick = (flag: string | undefined, name: string) =>
    flag ?? (fromEnvironment[environmentName(name)] || undefined);
  if (options.socket !== undefined && options.server !== undefined) {
    throw new UsageError("Cannot use --socket with --server: a command talks to one node");
  }
  const socket = options.server === undefined ? pick(options.socket, "socket") : undefined;
  const server = options.socket === undefined && options.dataDir === undefined
    ? pick(options.server, "server")
    : options.server;
  if (server === undefined || socket !== undefined) {
    const dataDir = pick(options.dataDir, "data-dir") ?? defaultDataDir();
    return connect({ socketPath: socket ?? `${dataDir}/${SOCKET_FILE_NAME}` }, { kind: "insecure" });
  }
  const [certFile, keyFile, caFile] = [
    pick(options.tlsCertFile, "tls-cert-file"),
    pick(options.tlsKeyFile, "tls-key-file"),
    pick(options.tlsCaFile, "tls-ca-file"),
  ];
  const insecure = options.insecure ?? /^(true|1)$/.test(fromEnvironment[environmentName("insecure")] ?? "");
  if (insecure) return connect({ address: server }, { kind: "insecure" });
  if (certFile === undefined || keyFile === undefined || caFile === undefined) {
    throw new UsageError("Cannot reach --server without --insecure or the three TLS files of the mesh");
  }
  return connect({ address: server }, { kind: "tls", ...await loadTlsFiles({ certFile, keyFile, caFile }) });
}
