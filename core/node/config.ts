/**
 * The complete configuration of a node: merged from flags, environment, file and defaults, in that order of precedence,
 * and validated whole before anything is opened.
 *
 * @module
 */
import { IpAddress } from "../ip/address.ts";
import { Prefix } from "../ip/prefix.ts";
import { ConfigError } from "../plugin/errors.ts";
import type { LogLevel } from "../seams/log.ts";
import { FEATURE_NAMES, LATER_FEATURES } from "./features.ts";
import { suggestion } from "./did_you_mean.ts";
import {
  environmentName,
  type OptionName,
  optionSpec,
  type RawOption,
  type RawOptions,
  RUN_OPTIONS,
} from "./options.ts";

/** An address to listen on or to dial: host without brackets, port 0..65535. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Whom a node asks to join. */
export interface JoinServer extends HostPort {
  /** It is not asked to let the node join, but which nodes could: `discover://` before the address. */
  readonly discovers?: true;
}

/** How a node without stored state finds its mesh; a node with state resumes and needs neither. */
export type Origin =
  | { readonly kind: "bootstrap" }
  | { readonly kind: "join"; readonly servers: readonly JoinServer[] }
  | { readonly kind: "resume" };

/** Transport security of the gRPC and Raft listeners. */
export type TlsConfig =
  | { readonly kind: "insecure" }
  | {
    readonly kind: "files";
    readonly certFile: string;
    readonly keyFile: string;
    readonly caFile: string;
    readonly mtls: boolean;
  };

/** Everything a node was told; nothing is optional by omission. */
export interface NodeConfig {
  readonly origin: Origin;
  readonly asVoter: boolean;
  readonly nodeId: string;
  readonly dataDir: string;
  readonly inMemory: boolean;
  readonly primaryEndpoint: IpAddress | undefined;
  readonly endpoints: readonly IpAddress[];
  readonly ipv4Network: Prefix;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly grpcListen: HostPort;
  readonly raftListen: HostPort;
  readonly wireguardListenPort: number;
  readonly interfaceName: string;
  /** Bytes; `undefined` to follow the underlay. */
  readonly mtu: number | undefined;
  readonly tls: TlsConfig;
  /** Enabled features, `nodes` first. */
  readonly features: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json" | "auto";
}

/** What the host contributes to the defaults. */
export interface HostDefaults {
  readonly hostName: string;
  readonly dataDir: string;
  /** Names of the features this program was built with, besides `nodes`. */
  readonly features: readonly string[];
}

/** The longest interface name Linux takes, IFNAMSIZ - 1. */
export const INTERFACE_NAME_BYTES_MAX = 15;
/** IPv6 needs so much (RFC 8200 §5). */
export const MTU_BYTES_MIN = 1280;
/** A TUN carries no more. */
export const MTU_BYTES_MAX = 65535;
/** A node announces at most this many further endpoints. */
export const ENDPOINT_COUNT_MAX = 16;
/** A joiner asks at most this many servers. */
export const JOIN_SERVER_COUNT_MAX = 16;
/** Linux's limit for a Unix socket path is 107 bytes; the socket's name is appended to the data directory. */
export const DATA_DIR_BYTES_MAX = 96;

/**
 * Reads `WEFT_…` variables. Lists are separated by commas, flags are `true` or `false`.
 *
 * @throws {ConfigError} If a flag or number cannot be read.
 */
export function optionsFromEnvironment(environment: Readonly<Record<string, string>>): RawOptions {
  const options = new Map<OptionName, RawOption>();
  for (const spec of RUN_OPTIONS) {
    const source = environmentName(spec.name);
    const text = environment[source];
    if (text === undefined || text === "") continue;
    if (spec.kind === "flag") {
      if (!/^(true|false|1|0)$/.test(text)) {
        throw new ConfigError(`Cannot use ${source}="${text}": expected true or false`);
      }
      options.set(spec.name, { value: text === "true" || text === "1", source });
    } else if (spec.kind === "list") {
      options.set(spec.name, { value: text.split(",").map((item) => item.trim()), source });
    } else options.set(spec.name, { value: text, source });
  }
  return options;
}

/**
 * Merges the sources (first wins) and validates.
 *
 * @throws {ConfigError} Naming the option's source and what would be right.
 */
export function parseConfig(sources: readonly RawOptions[], host: HostDefaults): NodeConfig {
  const reader = new OptionReader(sources);
  const config: NodeConfig = {
    origin: readOrigin(reader),
    asVoter: reader.flag("as-voter"),
    nodeId: reader.text("node-id") ?? host.hostName,
    dataDir: readDataDir(reader, host),
    inMemory: reader.flag("in-memory"),
    primaryEndpoint: readPrimaryEndpoint(reader),
    endpoints: readEndpoints(reader),
    ipv4Network: readIpv4Network(reader),
    ipv4: !reader.flag("no-ipv4"),
    ipv6: !reader.flag("no-ipv6"),
    grpcListen: readListen(reader, "grpc-listen"),
    raftListen: readListen(reader, "raft-listen"),
    wireguardListenPort: reader.integer("wireguard-listen-port", 0, 65535),
    interfaceName: readInterface(reader),
    mtu: reader.text("mtu") === undefined ? undefined : reader.integer("mtu", MTU_BYTES_MIN, MTU_BYTES_MAX),
    tls: readTls(reader),
    features: readFeatures(reader, host.features),
    logLevel: reader.choice("log-level", ["debug", "info", "warn", "error"]) ?? "info",
    logFormat: reader.choice("log-format", ["text", "json"]) ?? "auto",
  };
  if (!config.ipv4 && !config.ipv6) {
    throw new ConfigError("Cannot use --no-ipv4 with --no-ipv6: no address would be left");
  }
  return config;
}

/** Which plugins the operator names. */
export interface NamedPlugins {
  /** Files and packages to load. */
  readonly load: readonly string[];
  /** Plugins to leave out. */
  readonly disabled: readonly string[];
}

/** Reads `plugin` and `disable` from the sources (first wins). */
export function namedPlugins(sources: readonly RawOptions[]): NamedPlugins {
  const reader = new OptionReader(sources);
  return { load: reader.list("plugin"), disabled: reader.list("disable") };
}

/** Looks options up over all sources and reads simple kinds. */
class OptionReader {
  readonly #sources: readonly RawOptions[];

  constructor(sources: readonly RawOptions[]) {
    this.#sources = sources;
  }

  raw(name: OptionName): RawOption | undefined {
    for (const source of this.#sources) {
      const option = source.get(name);
      if (option) return option;
    }
    const defaultText = optionSpec(name)?.defaultText;
    return defaultText === undefined ? undefined : { value: defaultText, source: "the default" };
  }

  source(name: OptionName): string {
    return this.raw(name)?.source ?? `--${name}`;
  }

  flag(name: OptionName): boolean {
    return this.raw(name)?.value === true;
  }

  text(name: OptionName): string | undefined {
    const option = this.raw(name);
    return option === undefined || option.value === "" ? undefined : String(option.value);
  }

  list(name: OptionName): readonly string[] {
    const value = this.raw(name)?.value;
    return Array.isArray(value) ? value.flatMap((item: string) => item.split(",")).map((item) => item.trim()) : [];
  }

  integer(name: OptionName, min: number, max: number): number {
    const text = this.text(name) ?? "";
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) this.refuse(name, text, `expected a number from ${min} to ${max}`);
    return value;
  }

  choice<Choice extends string>(name: OptionName, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    return found ?? this.refuse(name, text, `expected one of ${choices.join(", ")}${suggestion(text, choices)}`);
  }

  refuse(name: OptionName, value: string, why: string): never {
    throw new ConfigError(`Cannot use ${name} "${value}" from ${this.source(name)}: ${why}`);
  }
}

/**
 * Parses `host:port` or `[ipv6]:port`; `undefined` if malformed. A bare `:port` means all addresses.
 */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]*)):([0-9]{1,5})$/.exec(text);
  if (!match || Number(match[3]) > 65535) return undefined;
  if (match[1] !== undefined && IpAddress.parse(match[1]) === undefined) return undefined;
  return { host: match[1] ?? (match[2] || "::"), port: Number(match[3]) };
}

/** Parses `host:port` or `discover://host:port`, of which neither part may be left out; `undefined` if malformed. */
export function parseJoinServer(text: string): JoinServer | undefined {
  const discovers = text.startsWith(DISCOVER_SCHEME);
  const address = discovers ? text.slice(DISCOVER_SCHEME.length) : text;
  const server = address.startsWith(":") ? undefined : parseHostPort(address);
  if (!server || server.port === 0) return undefined;
  return discovers ? { ...server, discovers } : server;
}

/** As {@linkcode parseJoinServer} reads it. */
export function formatJoinServer(server: JoinServer): string {
  return `${server.discovers ? DISCOVER_SCHEME : ""}${formatHostPort(server)}`;
}

const DISCOVER_SCHEME = "discover://";

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function readOrigin(reader: OptionReader): Origin {
  const servers = reader.list("join").map((text) => {
    const server = parseJoinServer(text);
    if (server) return server;
    const examples = "for example 192.0.2.1:8443, [2001:db8::1]:8443 or discover://192.0.2.1:8443";
    return reader.refuse("join", text, `expected HOST:PORT, ${examples}`);
  });
  if (reader.flag("bootstrap") && servers.length > 0) {
    throw new ConfigError(
      `Cannot use ${reader.source("bootstrap")} with ${reader.source("join")}: a node starts a new mesh or joins one`,
      "Keep --bootstrap on the first node only, and --join on all others.",
    );
  }
  if (servers.length > JOIN_SERVER_COUNT_MAX) {
    reader.refuse("join", `${servers.length} addresses`, `at most ${JOIN_SERVER_COUNT_MAX} are tried`);
  }
  if (servers.length > 0) return { kind: "join", servers };
  return reader.flag("bootstrap") ? { kind: "bootstrap" } : { kind: "resume" };
}

function readDataDir(reader: OptionReader, host: HostDefaults): string {
  const dataDir = reader.text("data-dir") ?? host.dataDir;
  if (new TextEncoder().encode(dataDir).length > DATA_DIR_BYTES_MAX) {
    reader.refuse(
      "data-dir",
      dataDir,
      `longer than ${DATA_DIR_BYTES_MAX} bytes, so the socket in it could not be bound`,
    );
  }
  return dataDir;
}

function readPrimaryEndpoint(reader: OptionReader): IpAddress | undefined {
  const text = reader.text("primary-endpoint");
  return text === undefined ? undefined : readEndpoint(reader, "primary-endpoint", text);
}

function readEndpoints(reader: OptionReader): IpAddress[] {
  const texts = reader.list("endpoint");
  if (texts.length > ENDPOINT_COUNT_MAX) {
    reader.refuse("endpoint", `${texts.length} addresses`, `at most ${ENDPOINT_COUNT_MAX} are announced`);
  }
  return texts.map((text) => readEndpoint(reader, "endpoint", text));
}

function readEndpoint(reader: OptionReader, name: OptionName, text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (!address) return reader.refuse(name, text, "expected an IP address without port, for example 203.0.113.9");
  if (address.isHostLocal()) reader.refuse(name, text, "other hosts cannot reach this address");
  return address;
}

function readIpv4Network(reader: OptionReader): Prefix {
  const text = reader.text("ipv4-network") ?? "";
  const prefix = Prefix.parse(text);
  if (!prefix || prefix.family !== 4) {
    return reader.refuse("ipv4-network", text, "expected an IPv4 CIDR, for example 10.83.0.0/16");
  }
  if (prefix.bits < 8 || prefix.bits > 30) reader.refuse("ipv4-network", text, "the prefix length must be 8 to 30");
  return prefix.masked();
}

function readListen(reader: OptionReader, name: "grpc-listen" | "raft-listen"): HostPort {
  const text = reader.text(name) ?? "";
  return parseHostPort(text) ?? reader.refuse(name, text, "expected HOST:PORT, for example [::]:8443");
}

function readInterface(reader: OptionReader): string {
  const name = reader.text("interface") ?? "";
  if (!/^[A-Za-z0-9_.=-]+$/.test(name) || name === "." || name === "..") {
    reader.refuse("interface", name, "expected letters, digits and _ . = - only");
  }
  if (name.length > INTERFACE_NAME_BYTES_MAX) {
    reader.refuse("interface", name, `longer than ${INTERFACE_NAME_BYTES_MAX} bytes`);
  }
  return name;
}

function readTls(reader: OptionReader): TlsConfig {
  const [certFile, keyFile, caFile] = [
    reader.text("tls-cert-file"),
    reader.text("tls-key-file"),
    reader.text("tls-ca-file"),
  ];
  const anyFile = certFile ?? keyFile ?? caFile;
  if (reader.flag("insecure")) {
    if (anyFile !== undefined || reader.flag("mtls")) {
      throw new ConfigError("Cannot use --insecure with TLS options: choose one");
    }
    return { kind: "insecure" };
  }
  if (certFile === undefined || keyFile === undefined || caFile === undefined) {
    throw new ConfigError(
      anyFile === undefined
        ? "Cannot serve gRPC: neither TLS files nor --insecure given"
        : "Cannot serve gRPC: --tls-cert-file, --tls-key-file and --tls-ca-file belong together",
      "Give all three TLS files, or --insecure on a network you trust.",
    );
  }
  return { kind: "files", certFile, keyFile, caFile, mtls: reader.flag("mtls") };
}

function readFeatures(reader: OptionReader, built: readonly string[]): readonly string[] {
  const asked = new Set<string>(["nodes"]);
  for (const name of reader.list("feature")) {
    if (name === "all") built.forEach((feature) => asked.add(feature));
    else if (!FEATURE_NAMES.includes(name)) {
      reader.refuse("feature", name, `no such feature${suggestion(name, FEATURE_NAMES)}`);
    } else if (LATER_FEATURES.includes(name)) {
      reader.refuse("feature", name, "it comes with a later version of Weft");
    } else if (name !== "nodes" && !built.includes(name)) {
      reader.refuse("feature", name, "this build does not have it");
    } else asked.add(name);
  }
  return [...asked];
}
