/**
 * The one table of everything a node can be told. Flags, environment variables and file keys are derived from it:
 * option `grpc-listen` is `--grpc-listen`, `WEFT_GRPC_LISTEN` and the file key `grpc-listen`.
 *
 * @module
 */

/** How the text of an option is read. Lists take repeated flags, commas in the environment, arrays in files. */
export type OptionKind = "flag" | "text" | "number" | "list";

/** One row of the table. */
export interface OptionSpec {
  readonly name: string;
  readonly kind: OptionKind;
  /** What stands for the value in help texts. */
  readonly placeholder?: string;
  readonly help: string;
  /** As the user would write it; absent when the default depends on the host. */
  readonly defaultText?: string;
}

/** All options of `weft run`, in the order of the help text. */
export const RUN_OPTIONS = [
  { name: "bootstrap", kind: "flag", help: "start a new mesh with this node as its first voter" },
  {
    name: "join",
    kind: "list",
    placeholder: "HOST:PORT",
    help: "join the mesh of any of these nodes (comma separated); discover://HOST:PORT asks there for nodes",
  },
  { name: "as-voter", kind: "flag", help: "ask to vote once this node has caught up" },
  { name: "node-id", kind: "text", placeholder: "ID", help: "name of this node (default: host name)" },
  { name: "data-dir", kind: "text", placeholder: "DIR", help: "where keys and state live" },
  { name: "in-memory", kind: "flag", help: "keep nothing on disk" },
  { name: "primary-endpoint", kind: "text", placeholder: "IP", help: "address others reach this node at first" },
  { name: "endpoint", kind: "list", placeholder: "IP", help: "further address others may reach this node at" },
  {
    name: "ipv4-network",
    kind: "text",
    placeholder: "CIDR",
    help: "IPv4 network of a new mesh",
    defaultText: "172.16.0.0/12",
  },
  { name: "no-ipv4", kind: "flag", help: "no IPv4 inside the mesh for this node" },
  { name: "no-ipv6", kind: "flag", help: "no IPv6 inside the mesh for this node" },
  { name: "grpc-listen", kind: "text", placeholder: "HOST:PORT", help: "gRPC address", defaultText: "[::]:8443" },
  { name: "raft-listen", kind: "text", placeholder: "HOST:PORT", help: "Raft address", defaultText: "[::]:9443" },
  { name: "wireguard-listen-port", kind: "number", placeholder: "N", help: "WireGuard UDP port", defaultText: "51820" },
  { name: "interface", kind: "text", placeholder: "NAME", help: "name of the TUN interface", defaultText: "weft0" },
  {
    name: "mtu",
    kind: "number",
    placeholder: "N",
    help: "MTU of the TUN interface in bytes (default: follows the underlay, at most 1420)",
  },
  { name: "insecure", kind: "flag", help: "gRPC without TLS" },
  { name: "tls-cert-file", kind: "text", placeholder: "FILE", help: "certificate chain, PEM" },
  { name: "tls-key-file", kind: "text", placeholder: "FILE", help: "private key, PEM" },
  { name: "tls-ca-file", kind: "text", placeholder: "FILE", help: "certificate authority of the mesh, PEM" },
  { name: "mtls", kind: "flag", help: "demand client certificates of that authority" },
  { name: "feature", kind: "list", placeholder: "NAME", help: "enable a feature, or `all` there are" },
  { name: "plugin", kind: "list", placeholder: "FILE_OR_PACKAGE", help: "load and start a plugin from elsewhere" },
  { name: "disable", kind: "list", placeholder: "PLUGIN", help: "leave out a plugin" },
  { name: "log-level", kind: "text", placeholder: "LEVEL", help: "debug, info, warn or error", defaultText: "info" },
  { name: "log-format", kind: "text", placeholder: "FORMAT", help: "text or json (default: text on a terminal)" },
] as const satisfies readonly OptionSpec[];

/** Name of an option in {@linkcode RUN_OPTIONS}. */
export type OptionName = (typeof RUN_OPTIONS)[number]["name"];

/** The value of one option before validation, as any of the sources gives it. */
export type RawValue = boolean | string | number | readonly string[];

/** Raw values by option name, with where each came from for error messages. */
export interface RawOption {
  readonly value: RawValue;
  /** `--mtu`, `WEFT_MTU`, or `weft.yaml line 3`. */
  readonly source: string;
}

/** What one source says; later sources fill only what earlier ones left open. */
export type RawOptions = ReadonlyMap<OptionName, RawOption>;

/** `WEFT_` and the option name in capitals with underscores. */
export function environmentName(name: string): string {
  return `WEFT_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** The row for `name`, `undefined` for an unknown name. */
export function optionSpec(name: string): (OptionSpec & { readonly name: OptionName }) | undefined {
  return RUN_OPTIONS.find((option) => option.name === name);
}
