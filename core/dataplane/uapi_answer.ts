/**
 * Answers of WireGuard's configuration protocol (https://www.wireguard.com/xplatform/).
 *
 * A device's keys are in them: `wg` computes the public key from `private_key` and shows no interface without it. Whoever may
 * open the socket is root, and may read the process as well.
 *
 * @module
 */
import { wipe } from "../bytes/constant_time.ts";
import type { PresharedKey } from "../keys/preshared_key.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import { KEY_BYTES } from "../keys/key_text.ts";
import type { SecretKey } from "../keys/secret_key.ts";
import type { UapiOperation } from "./uapi_reader.ts";

/** A device as it is told to the other side. */
export interface DeviceView {
  readonly privateKey: PrivateKey | undefined;
  /** 0 while there is none. */
  readonly listenPort: number;
  /** 0 for none. */
  readonly fwmark: number;
  readonly peers: readonly PeerView[];
}

/** A peer as it is told to the other side. */
export interface PeerView {
  /** Base64. */
  readonly publicKey: string;
  /** `undefined` also where it is not to be told. */
  readonly presharedKey: PresharedKey | undefined;
  readonly endpoint: string | undefined;
  /** Milliseconds since 1970; `undefined` before the first handshake. */
  readonly lastHandshakeWallMs: number | undefined;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** 0 for none. */
  readonly persistentKeepaliveSeconds: number;
  /** In CIDR notation. */
  readonly allowedIps: Iterable<string>;
}

const NO_KEY = "0".repeat(KEY_BYTES * 2);
const NS_PER_MS = 1_000_000;

/** The whole answer to a `get`. */
export function deviceAnswer(device: DeviceView): string {
  const lines: string[] = [];
  if (device.privateKey) lines.push(`private_key=${secretHex(device.privateKey)}`);
  if (device.listenPort !== 0) lines.push(`listen_port=${device.listenPort}`);
  if (device.fwmark !== 0) lines.push(`fwmark=${device.fwmark}`);
  for (const peer of device.peers) pushPeer(lines, peer);
  lines.push("errno=0", "", "");
  return lines.join("\n");
}

/** The whole answer to a `set` that was carried out. */
export const DONE_ANSWER = "errno=0\n\n";

/**
 * The whole answer to a request that was refused.
 *
 * The number is negative for a `set` and positive for a `get`, which is how `wg` reads them; it turns any other into a
 * "Protocol error" or an unknown one.
 *
 * @param errno Positive.
 */
export function refusalAnswer(operation: UapiOperation, errno: number): string {
  return `errno=${operation === "set" ? -errno : errno}\n\n`;
}

function pushPeer(lines: string[], peer: PeerView): void {
  const wallMs = Math.floor(peer.lastHandshakeWallMs ?? 0);
  lines.push(
    `public_key=${Uint8Array.fromBase64(peer.publicKey).toHex()}`,
    `preshared_key=${peer.presharedKey ? secretHex(peer.presharedKey) : NO_KEY}`,
    "protocol_version=1",
  );
  if (peer.endpoint !== undefined) lines.push(`endpoint=${peer.endpoint}`);
  lines.push(
    `last_handshake_time_sec=${Math.floor(wallMs / 1000)}`,
    `last_handshake_time_nsec=${(wallMs % 1000) * NS_PER_MS}`,
    `tx_bytes=${peer.txBytes}`,
    `rx_bytes=${peer.rxBytes}`,
    `persistent_keepalive_interval=${peer.persistentKeepaliveSeconds}`,
  );
  for (const prefix of peer.allowedIps) lines.push(`allowed_ip=${prefix}`);
}

function secretHex(key: SecretKey): string {
  const secret = key.reveal();
  const hex = secret.toHex();
  wipe(secret);
  return hex;
}
