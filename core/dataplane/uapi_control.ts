/**
 * A plain WireGuard device under the hands of `wg` and `ip`: carries out what the configuration socket asks for, and follows
 * the interface up and down.
 *
 * As the established implementations do it: the UDP port is open while the interface is up; a device that is down, or has no
 * private key, keeps its settings and is silent; taking it down ends all sessions. Unlike them a request is carried out whole
 * or not at all.
 *
 * @module
 */
import type { LinkState } from "../io/link_monitor_linux.ts";
import type { UdpPorts } from "../io/udp_ports.ts";
import type { PrivateKey } from "../keys/private_key.ts";
import { ConfigError, MeshError } from "../plugin/errors.ts";
import type { Log } from "../seams/log.ts";
import type { DataPlane, DeviceStatus } from "./data_plane.ts";
import { deviceAnswer, type PeerView } from "./uapi_answer.ts";
import { type InterfaceIndexOf, parseChange } from "./uapi_change.ts";
import { refusal, type UapiRefusal } from "./uapi_refusal.ts";
import type { UapiHandler } from "./uapi_session.ts";
import {
  applyChange,
  type DeviceSettings,
  NO_SETTINGS,
  type PeerSettings,
  type SettingsChange,
  tunnelPeer,
} from "./uapi_settings.ts";

/** What a control works on. */
export interface DeviceControlParts {
  /** Begins paused. */
  readonly plane: Pick<
    DataPlane,
    "upsertPeer" | "removePeer" | "movePeer" | "setPrivateKey" | "setMtu" | "pause" | "resume" | "status"
  >;
  /** Begin shut. */
  readonly ports: Pick<UdpPorts, "port" | "bind" | "mark" | "shut">;
  /** A key that nobody knows, for the data plane of a device that has none. */
  readonly newPrivateKey: () => PrivateKey;
  /** Base64. */
  readonly publicKeyOf: (privateKey: PrivateKey) => string;
  readonly indexOf: InterfaceIndexOf;
  readonly log: Log;
}

/** See the module. Does one thing at a time, in the order it was asked to. */
export class DeviceControl implements UapiHandler, AsyncDisposable {
  readonly #parts: DeviceControlParts;
  #settings: DeviceSettings = NO_SETTINGS;
  #mtu: number;
  #isUp = false;
  #isRunning = false;
  /** The operator's key, or one that nobody knows in its place. */
  #planeKey: PrivateKey;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param planeKey What the data plane has; taken.
   * @param mtu What the data plane has, in bytes.
   */
  constructor(parts: DeviceControlParts, planeKey: PrivateKey, mtu: number) {
    this.#parts = parts;
    this.#planeKey = planeKey;
    this.#mtu = mtu;
  }

  /** The interface is now like this. Resolves when the device is, too; never rejects. */
  linkChanged(state: LinkState): Promise<void> {
    const { plane, log } = this.#parts;
    return this.#inTurn(async () => {
      this.#isUp = state.isUp;
      if (state.mtu !== this.#mtu) plane.setMtu(state.mtu);
      this.#mtu = state.mtu;
      await this.#settle();
    }).catch((error) => log.error("cannot follow the interface", { isUp: state.isUp, error: String(error) }));
  }

  get(): Promise<string | UapiRefusal> {
    return this.#inTurn(async () => {
      const status = await this.#status();
      if (status === "late") return refusal("ETIMEDOUT", "the data plane does not answer");
      const live = new Map(status?.peers.map((peer) => [peer.publicKey, peer]));
      const { privateKey, fwmark, peers, listenPort } = this.#settings;
      return deviceAnswer({
        privateKey,
        listenPort,
        fwmark,
        peers: [...peers.values()].map((peer) => peerView(peer, live.get(peer.publicKey))),
      });
    });
  }

  set(lines: readonly string[]): Promise<UapiRefusal | "done"> {
    return this.#inTurn(async () => {
      const { indexOf, publicKeyOf } = this.#parts;
      const change = parseChange(lines, indexOf);
      if ("kind" in change) return change;
      const applied = applyChange(this.#settings, change, publicKeyOf);
      const refused = applied.kind === "refusal" ? applied : this.#arrangePorts(change.listenPort, applied.settings);
      if (applied.kind === "refusal" || refused !== "done") {
        if (change.privateKey !== "none") change.privateKey?.[Symbol.dispose]();
        return refused;
      }
      this.#commit(applied);
      await this.#settle();
      return "done";
    });
  }

  /** Ends what is under way and wipes the private key. To be called when the data plane is gone, which borrows it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#planeKey[Symbol.dispose]();
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }

  /** What can fail comes first. */
  #arrangePorts(listenPort: number | undefined, { fwmark }: DeviceSettings): UapiRefusal | "done" {
    const { ports } = this.#parts;
    if (!this.#isUp) return "done";
    try {
      if (listenPort !== undefined && (listenPort === 0 || listenPort !== ports.port)) ports.bind(listenPort, fwmark);
      else if (fwmark !== this.#settings.fwmark) ports.mark(fwmark);
      return "done";
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof ConfigError) return refusal("EADDRINUSE", why);
      return refusal(error instanceof MeshError && error.reason === "permission-denied" ? "EPERM" : "EIO", why);
    }
  }

  #commit({ settings, removed, upserted, moved }: SettingsChange): void {
    const { plane } = this.#parts;
    this.#settings = { ...settings, privateKey: this.#takePrivateKey(settings.privateKey) };
    for (const publicKey of removed) plane.removePeer(publicKey);
    for (const peer of upserted) plane.upsertPeer(tunnelPeer(peer));
    for (const { publicKey, endpoint } of moved) if (endpoint !== undefined) plane.movePeer(publicKey, endpoint);
  }

  /** Gives the data plane another key, and wipes the one before. The same key again is no change: sessions go on. */
  #takePrivateKey(wanted: PrivateKey | undefined): PrivateKey | undefined {
    const { plane, newPrivateKey } = this.#parts;
    const before = this.#settings.privateKey;
    if (wanted === before) return before;
    if (wanted && before?.equals(wanted)) {
      wanted[Symbol.dispose]();
      return before;
    }
    const planeKey = wanted ?? newPrivateKey();
    plane.setPrivateKey(planeKey);
    this.#planeKey[Symbol.dispose]();
    this.#planeKey = planeKey;
    return wanted;
  }

  /** Brings ports and data plane in line with interface and settings. */
  async #settle(): Promise<void> {
    const { plane, ports } = this.#parts;
    if (this.#isUp && ports.port === 0) this.#openPorts();
    const runs = this.#isUp && ports.port !== 0 && this.#settings.privateKey !== undefined;
    if (!runs && this.#isRunning) plane.pause();
    // Also wakes a data plane that runs, and may still sleep on sockets that were replaced.
    if (runs) plane.resume();
    this.#isRunning = runs;
    // Only now nobody uses the sockets of before, and their port is free.
    await this.#status();
    if (!this.#isUp && ports.port !== 0) ports.shut();
    if (this.#isUp && ports.port !== 0) this.#settings = { ...this.#settings, listenPort: ports.port };
  }

  #openPorts(): void {
    const { ports, log } = this.#parts;
    const { listenPort, fwmark } = this.#settings;
    try {
      ports.bind(listenPort, fwmark);
    } catch (error) {
      log.error("cannot listen", { listenPort, error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** `undefined` while the data plane is being replaced. */
  async #status(): Promise<DeviceStatus | undefined | "late"> {
    try {
      return await this.#parts.plane.status();
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      return error.reason === "timeout" ? "late" : undefined;
    }
  }
}

function peerView(peer: PeerSettings, live: DeviceStatus["peers"][number] | undefined): PeerView {
  return {
    publicKey: peer.publicKey,
    presharedKey: peer.presharedKey,
    endpoint: live?.endpoint ?? peer.endpoint,
    lastHandshakeWallMs: live?.lastHandshakeWallMs,
    rxBytes: live?.rxBytes ?? 0,
    txBytes: live?.txBytes ?? 0,
    persistentKeepaliveSeconds: peer.persistentKeepaliveSeconds,
    allowedIps: peer.allowedIps,
  };
}
