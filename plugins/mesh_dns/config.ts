/**
 * What an operator can tell mesh_dns.
 *
 * @module
 */
import {
  IpAddress,
  type ListenAddress,
  OptionReader,
  type PluginOption,
  Prefix,
  type SocketPeer,
} from "../../core/mod.ts";
import { TsigKey } from "./tsig.ts";

/** All options. */
export const MESH_DNS_OPTIONS: readonly PluginOption[] = [
  {
    name: "listen",
    kind: "text",
    placeholder: "HOST:PORT",
    help: "UDP and TCP address that answers",
    defaultText: ":5353",
  },
  {
    name: "domain",
    kind: "text",
    placeholder: "NAME",
    help: "the mesh's domain, the same on all nodes",
    defaultText: "webmesh.internal",
  },
  { name: "ttl-s", kind: "number", placeholder: "N", help: "how long others may keep an answer", defaultText: "30" },
  {
    name: "negative-ttl-s",
    kind: "number",
    placeholder: "N",
    help: "how long others may remember that there is nothing",
    defaultText: "5",
  },
  {
    name: "allow",
    kind: "list",
    placeholder: "CIDR",
    help: "who may ask, besides this host and the mesh",
  },
  {
    name: "tsig-key",
    kind: "text",
    placeholder: "NAME:BASE64",
    help: "answer nothing that is not signed by this key (HMAC-SHA256)",
  },
  {
    name: "forward",
    kind: "list",
    placeholder: "ADDRESS",
    help: "servers to ask for all other names, as IP or IP:PORT",
  },
  { name: "resolved", kind: "flag", help: "have systemd-resolved ask here for names of the mesh" },
];

/** Complete. */
export interface MeshDnsConfig {
  readonly listen: ListenAddress;
  /** Lower case, without a dot at the end. */
  readonly domain: string;
  readonly ttlS: number;
  readonly negativeTtlS: number;
  readonly allow: readonly Prefix[];
  readonly tsigKey: TsigKey | undefined;
  readonly upstreams: readonly SocketPeer[];
  readonly usesResolved: boolean;
}

/** Room for the names of nodes in front. */
const DOMAIN_CHARACTERS_MAX = 120;
/** Keys shorter than the digest are weaker than it (RFC 8945 §8). */
const KEY_BYTES_MIN = 16;
const KEY_BYTES_MAX = 512;
/** Servers to ask. */
export const UPSTREAMS_MAX = 8;
const DNS_PORT = 53;
const DAY_S = 86_400;

/** @throws {ConfigError} Naming the option that cannot be used. */
export function meshDnsConfig(raw: unknown): MeshDnsConfig {
  const options = new OptionReader(raw, MESH_DNS_OPTIONS);
  const domain = options.required("domain").toLowerCase().replace(/\.$/, "");
  const isDomain = domain.length <= DOMAIN_CHARACTERS_MAX &&
    domain.split(".").every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/.test(label));
  if (!isDomain) options.refuse("domain", domain, "expected a domain, for example webmesh.internal");
  return {
    listen: options.hostPort("listen"),
    domain,
    ttlS: options.integer("ttl-s", 0, DAY_S),
    negativeTtlS: options.integer("negative-ttl-s", 0, DAY_S),
    allow: options.list("allow").map((text) =>
      Prefix.parse(text)?.masked() ?? options.refuse("allow", text, "expected a network, for example 192.168.0.0/16")
    ),
    tsigKey: tsigKey(options),
    upstreams: upstreams(options),
    usesResolved: options.flag("resolved"),
  };
}

function tsigKey(options: OptionReader): TsigKey | undefined {
  const text = options.text("tsig-key");
  if (text === undefined) return undefined;
  // The secret is not repeated in what is printed.
  const refuse = (why: string) => options.refuse("tsig-key", text.replace(/:[^:]*$/, ":…"), why);
  const [, name = "", base64 = ""] = /^(?:hmac-sha256:)?([^:]+):([^:]+)$/.exec(text) ?? [];
  if (!/^[a-z0-9._-]{1,200}$/i.test(name)) return refuse("expected NAME:BASE64");
  let secret: Uint8Array;
  try {
    secret = Uint8Array.fromBase64(base64);
  } catch {
    return refuse("the key is not in base64");
  }
  if (secret.length < KEY_BYTES_MIN || secret.length > KEY_BYTES_MAX) {
    return refuse(`a key has ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes`);
  }
  return new TsigKey(name.toLowerCase().replace(/\.$/, ""), secret);
}

function upstreams(options: OptionReader): SocketPeer[] {
  const texts = options.list("forward");
  if (texts.length > UPSTREAMS_MAX) options.refuse("forward", texts.join(), `at most ${UPSTREAMS_MAX} servers`);
  return texts.map((text) => {
    const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
    const address = IpAddress.parse(bracketed ?? plain ?? text);
    const port = portText === undefined ? DNS_PORT : Number(portText);
    if (!address || port < 1 || port > 65_535) {
      return options.refuse("forward", text, "expected an address, for example 9.9.9.9 or [2620:fe::fe]:53");
    }
    return { host: `${address}`, port };
  });
}
