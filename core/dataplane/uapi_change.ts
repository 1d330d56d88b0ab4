/**
 * What a `set` request asks for (https://www.wireguard.com/xplatform/, "Configuration Protocol"): its lines to values.
 *
 * Device keys come first; `public_key` begins a peer, whose keys follow. Keys are hexadecimal, all zeros stand for none.
 * Beyond the published keys, `allowed_ip=-…` takes a prefix away from the peer, as newer implementations do.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import { Prefix } from "../ip/prefix.ts";
import { KEY_BYTES } from "../keys/key_text.ts";
import { PresharedKey } from "../keys/preshared_key.ts";
import { PrivateKey } from "../keys/private_key.ts";
import { PublicKey } from "../keys/public_key.ts";
import { parseEndpoint, printEndpoint } from "./tunnel_peer.ts";
import { refusal, type UapiRefusal } from "./uapi_refusal.ts";

/** One `set` request. What is `undefined` stays as it is. */
export interface DeviceChange {
  readonly privateKey: PrivateKey | "none" | undefined;
  readonly listenPort: number | undefined;
  /** 0 for none. */
  readonly fwmark: number | undefined;
  /** All peers go before those of the request come. */
  readonly replacesPeers: boolean;
  /** In order; one peer may be named more than once. */
  readonly peers: readonly PeerChange[];
}

/** What a request says of one peer. What is `undefined` stays as it is. */
export interface PeerChange {
  /** Base64. */
  readonly publicKey: string;
  /** The peer goes; the rest means nothing then. */
  readonly isRemoval: boolean;
  /** A peer that is not there is not made. */
  readonly isUpdateOnly: boolean;
  readonly presharedKey: PresharedKey | "none" | undefined;
  /** `1.2.3.4:5`, `[2001:db8::1]:5` or `[fe80::1%2]:5` with the number of an interface. */
  readonly endpoint: string | undefined;
  /** 0 for none. */
  readonly persistentKeepaliveSeconds: number | undefined;
  /** All its prefixes go before those of the request come. */
  readonly replacesAllowedIps: boolean;
  /** In order. */
  readonly allowedIps: readonly AllowedIpChange[];
}

/** One prefix that a peer gets or loses. */
export interface AllowedIpChange {
  /** In CIDR notation without host bits. */
  readonly prefix: string;
  readonly isRemoval: boolean;
}

/** Number of the interface with this name, for scoped addresses; `undefined` if there is none. */
export type InterfaceIndexOf = (name: string) => number | undefined;

const PORT_MAX = 0xffff;
const KEEPALIVE_SECONDS_MAX = 0xffff;
const FWMARK_MAX = 0xffff_ffff;
const ZONE_REGEXP = /%([^\]]*)\]/;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
interface PeerDraft extends Writable<Omit<PeerChange, "allowedIps">> {
  allowedIps: AllowedIpChange[];
}
interface DeviceDraft extends Writable<Omit<DeviceChange, "peers">> {
  readonly peers: PeerDraft[];
}

/** Reads one value into a draft; says what is wrong with it, if anything. */
type Take<Draft> = (draft: Draft, value: string, indexOf: InterfaceIndexOf) => string | undefined;

const NOT_A_KEY = `is not ${KEY_BYTES * 2} hexadecimal digits`;
const NOT_TRUE = 'is not "true"';

const DEVICE_KEYS: ReadonlyMap<string, Take<DeviceDraft>> = new Map<string, Take<DeviceDraft>>([
  ["private_key", (device, value) => {
    const key = parseKey(value, PrivateKey.fromBytes);
    if (device.privateKey instanceof PrivateKey) device.privateKey[Symbol.dispose]();
    device.privateKey = key;
    return key === undefined ? NOT_A_KEY : undefined;
  }],
  ["listen_port", (device, value) => {
    device.listenPort = parseNumber(value, PORT_MAX);
    return device.listenPort === undefined ? `is not a number from 0 to ${PORT_MAX}` : undefined;
  }],
  ["fwmark", (device, value) => {
    device.fwmark = parseNumber(value, FWMARK_MAX);
    return device.fwmark === undefined ? `is not a number from 0 to ${FWMARK_MAX}` : undefined;
  }],
  ["replace_peers", (device, value) => {
    device.replacesPeers = true;
    return value === "true" ? undefined : NOT_TRUE;
  }],
]);

const PEER_KEYS: ReadonlyMap<string, Take<PeerDraft>> = new Map<string, Take<PeerDraft>>([
  ["remove", (peer, value) => {
    peer.isRemoval = true;
    return value === "true" ? undefined : NOT_TRUE;
  }],
  ["update_only", (peer, value) => {
    peer.isUpdateOnly = true;
    return value === "true" ? undefined : NOT_TRUE;
  }],
  ["preshared_key", (peer, value) => {
    peer.presharedKey = parseKey(value, PresharedKey.fromBytes);
    return peer.presharedKey === undefined ? NOT_A_KEY : undefined;
  }],
  ["endpoint", (peer, value, indexOf) => {
    const endpoint = parseEndpoint(withNumericZone(value, indexOf));
    peer.endpoint = endpoint && printEndpoint(endpoint);
    return endpoint ? undefined : "is not an address and port, IPv6 addresses in brackets";
  }],
  ["persistent_keepalive_interval", (peer, value) => {
    peer.persistentKeepaliveSeconds = parseNumber(value, KEEPALIVE_SECONDS_MAX);
    return peer.persistentKeepaliveSeconds === undefined
      ? `is not a number from 0 to ${KEEPALIVE_SECONDS_MAX}`
      : undefined;
  }],
  ["replace_allowed_ips", (peer, value) => {
    peer.replacesAllowedIps = true;
    peer.allowedIps = [];
    return value === "true" ? undefined : NOT_TRUE;
  }],
  ["allowed_ip", (peer, value) => {
    const isRemoval = value.startsWith("-");
    const prefix = Prefix.parse(isRemoval ? value.slice(1) : value)?.masked();
    if (!prefix) return "is not a prefix in CIDR notation";
    peer.allowedIps.push({ prefix: String(prefix), isRemoval });
    return undefined;
  }],
  ["protocol_version", (_peer, value) => value === "1" ? undefined : "is not 1"],
]);

/**
 * Reads the lines of one request. Never throws.
 *
 * @returns The change, or what is wrong with the first bad line; that never repeats a value that may be a key.
 */
export function parseChange(lines: readonly string[], indexOf: InterfaceIndexOf): DeviceChange | UapiRefusal {
  const device: DeviceDraft = {
    privateKey: undefined,
    listenPort: undefined,
    fwmark: undefined,
    replacesPeers: false,
    peers: [],
  };
  for (const [index, line] of lines.entries()) {
    const wrong = takeLine(device, line, indexOf);
    if (wrong === undefined) continue;
    if (device.privateKey instanceof PrivateKey) device.privateKey[Symbol.dispose]();
    // The operation is line 1.
    return refusal(wrong.errno, `line ${index + 2}: ${wrong.why}`);
  }
  return device;
}

/** What is wrong with a line. */
interface Wrong {
  readonly errno: "EPROTO" | "EINVAL";
  readonly why: string;
}

function takeLine(device: DeviceDraft, line: string, indexOf: InterfaceIndexOf): Wrong | undefined {
  const equals = line.indexOf("=");
  if (equals < 0) return { errno: "EPROTO", why: "there is no = in it" };
  const [key, value] = [line.slice(0, equals), line.slice(equals + 1)];
  if (key === "public_key") return beginPeer(device, value);
  const peer = device.peers.at(-1);
  return peer
    ? takeValue("peer", PEER_KEYS, peer, key, value, indexOf)
    : takeValue("device", DEVICE_KEYS, device, key, value, indexOf);
}

function takeValue<Draft>(
  whose: "device" | "peer",
  keys: ReadonlyMap<string, Take<Draft>>,
  draft: Draft,
  key: string,
  value: string,
  indexOf: InterfaceIndexOf,
): Wrong | undefined {
  const take = keys.get(key);
  if (!take) return { errno: "EINVAL", why: `${printableKey(key)} is no key of a ${whose}` };
  const wrong = take(draft, value, indexOf);
  return wrong === undefined ? undefined : { errno: "EINVAL", why: `the value of ${key} ${wrong}` };
}

function beginPeer(device: DeviceDraft, value: string): Wrong | undefined {
  const publicKey = HEX_KEY_REGEXP.test(value) ? PublicKey.fromBytes(Uint8Array.fromHex(value)) : undefined;
  if (!publicKey) return { errno: "EINVAL", why: `the value of public_key ${NOT_A_KEY}` };
  device.peers.push(newPeer(String(publicKey)));
  return undefined;
}

function newPeer(publicKey: string): PeerDraft {
  return {
    publicKey,
    isRemoval: false,
    isUpdateOnly: false,
    presharedKey: undefined,
    endpoint: undefined,
    persistentKeepaliveSeconds: undefined,
    replacesAllowedIps: false,
    allowedIps: [],
  };
}

const HEX_KEY_REGEXP = /^[0-9a-fA-F]{64}$/;
const NO_KEY_REGEXP = /^0{64}$/;

function parseKey<Key>(text: string, make: (bytes: Uint8Array) => Key | undefined): Key | "none" | undefined {
  if (!HEX_KEY_REGEXP.test(text)) return undefined;
  if (NO_KEY_REGEXP.test(text)) return "none";
  const bytes = Uint8Array.fromHex(text);
  const key = make(bytes);
  wipe(bytes);
  return key;
}

/** Decimal digits, as many zeros in front as anybody likes. */
function parseNumber(text: string, max: number): number | undefined {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  return value <= max ? value : undefined;
}

/** `[fe80::1%eth0]:5` as `[fe80::1%2]:5`; unchanged where there is no name or no such interface. */
function withNumericZone(text: string, indexOf: InterfaceIndexOf): string {
  const zone = ZONE_REGEXP.exec(text)?.[1];
  if (zone === undefined || /^[0-9]+$/.test(zone)) return text;
  const index = indexOf(zone);
  return index === undefined ? text : text.replace(ZONE_REGEXP, `%${index}]`);
}

const KEY_NAME_CHARS_MAX = 40;

/** A key that means nothing might be a secret on the wrong side of the equals sign. */
function printableKey(key: string): string {
  return /^[a-z_]+$/.test(key) && key.length <= KEY_NAME_CHARS_MAX ? `"${key}"` : "what stands before the =";
}
