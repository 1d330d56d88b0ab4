/**
 * `weft up`: the shortest way to a mesh. It is `weft run` that starts a mesh without TLS unless told otherwise, and says
 * what to type on the next machine.
 *
 * @module
 */
import type { NodeStatus } from "../../proto/gen/weft/v1/control_pb.ts";
import { formatHostPort, type NodeConfig } from "../node/config.ts";
import { SOCKET_FILE_NAME } from "../node/node.ts";
import type { OptionName, RawOption, RawOptions } from "../node/options.ts";
import { printable } from "./format.ts";

/** What `weft up` takes for granted: a new mesh unless there is one to join, no TLS unless there are files for it. */
export function upAssumptions(isSaid: (name: OptionName) => boolean): RawOptions {
  const assumed: RawOption = { value: true, source: "weft up" };
  const options = new Map<OptionName, RawOption>();
  if (!isSaid("join") && !isSaid("bootstrap")) options.set("bootstrap", assumed);
  const hasTls = (["tls-cert-file", "tls-key-file", "tls-ca-file", "mtls"] as const).some(isSaid);
  if (!hasTls && !isSaid("insecure")) options.set("insecure", assumed);
  return options;
}

/** The node's own socket. */
export function socketPathOf({ dataDir }: NodeConfig): string {
  return `${dataDir}/${SOCKET_FILE_NAME}`;
}

/** What the host contributes to {@linkcode upLines}. */
export interface UpHost {
  /** Where client commands look for a node unless told otherwise. */
  readonly dataDir: string;
  /** A version that runs this program, for machines that have only Node. */
  readonly denoVersion: string;
}

/** What to type on a second machine, and where to look. */
export function upLines(status: NodeStatus, config: NodeConfig, { dataDir, denoVersion }: UpHost): string[] {
  const { addresses } = status;
  const host = addresses?.primaryEndpoint || addresses?.endpoints[0];
  const own = [addresses?.ipv4, addresses?.ipv6].filter((text) => text).map((text) => printable(text ?? ""));
  const lines = [`This node is "${printable(status.status?.id ?? "")}" at ${own.join(" and ")}.`];
  if (!host || !addresses?.grpcPort) {
    return [...lines, "It knows no address that other machines could reach: give it one with --primary-endpoint IP."];
  }
  const server = formatHostPort({ host: printable(host), port: addresses.grpcPort });
  const flags = config.tls.kind === "insecure" ? "--insecure" : "--tls-cert-file F --tls-key-file F --tls-ca-file F";
  return [
    ...lines,
    "",
    "On a second machine, as root, run one of:",
    `  weft run --join ${server} ${flags}`,
    `  npx -y deno@${denoVersion} task weft run --join ${server} ${flags}      (in a copy of the sources)`,
    "",
    "Then look here:",
    config.dataDir === dataDir ? "  weft status" : `  weft status --data-dir ${config.dataDir}`,
  ];
}
