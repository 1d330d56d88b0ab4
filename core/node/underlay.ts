/**
 * The host around the tunnel while it runs: when its network changes, or time jumps because the machine slept, the tunnel's
 * MTU follows, peers hear from this node at once, and the mesh is told of new addresses.
 *
 * The kernel tells of every address and route, also of those that are nothing to the mesh, so what is looked at is what this
 * node would announce; and however often something changes, it is looked at once in a while.
 *
 * @module
 */
import type { DataPlane } from "../dataplane/data_plane.ts";
import type { HostDevice } from "../dataplane/host_device.ts";
import { tunnelMtu } from "../dataplane/tunnel_mtu.ts";
import { Alarm } from "../io/alarm.ts";
import type { HostAddress } from "../io/host_network_linux.ts";
import type { WatchedChange } from "../io/network_watch_linux.ts";
import { IpAddress } from "../ip/address.ts";
import { Endpoint } from "../ip/endpoint.ts";
import type { Clock } from "../seams/clock.ts";
import type { Log } from "../seams/log.ts";
import type { TimestampReserve } from "./timestamp_reserve.ts";

/** Changes come in groups: what is looked at is the state this long after the first of a group, in milliseconds. */
export const SETTLE_MS = 100;
/** … and not again for this long. */
export const REST_MS = 1_000;
/** Handshake times are reserved ahead when this has passed, in milliseconds, and little is left. */
export const RESERVE_INTERVAL_MS = 60_000;
/** Peers whose ways are looked at for the MTU; beyond them the others' ways are taken for theirs. */
export const LOOKED_AT_PEERS_MAX = 256;

/** Addresses beyond every local network (RFC 5737, RFC 3849): the ways to them are the default routes. Nothing is sent. */
const DEFAULT_ROUTE_PROBES = ["203.0.113.1", "2001:db8::1"].flatMap((text) => IpAddress.parse(text) ?? []);

/** What an underlay acts upon; the owner closes it all after disposing of the underlay. */
export interface UnderlayParts {
  readonly device: Pick<HostDevice, "interfaceName" | "interfaceIndex" | "mtu" | "setMtu"> & {
    readonly network: Pick<HostDevice["network"], "hostAddresses" | "sourceAddressFor" | "mtuTo">;
  };
  readonly plane: Pick<DataPlane, "setMtu" | "underlayChanged" | "raiseTimestampCeiling">;
  /** The operator's word; `undefined` to follow the underlay. */
  readonly mtu: number | undefined;
  readonly timestamps: Pick<TimestampReserve, "renew"> | undefined;
  /** Starts to watch the host's network. */
  readonly watch: (onChange: (change: WatchedChange) => void) => AsyncDisposable;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where this host is, as text: if it differs, peers may have to look for it. */
interface Whereabouts {
  readonly addresses: string;
  /** With which of them packets leave by the default routes. */
  readonly sources: string;
}

/** See the module. */
export class Underlay implements AsyncDisposable {
  readonly #parts: UnderlayParts;
  readonly #watch: AsyncDisposable;
  readonly #look: Alarm;
  readonly #reserve: Alarm;
  readonly #destinations = new Map<string, IpAddress>();
  #tell: () => void = () => {};
  #seen: Whereabouts;
  #hasJumped = false;
  #isLookPending = false;
  #restUntilMs = -Infinity;
  #reserving: Promise<void> = Promise.resolve();

  /** Starts to watch. @throws {OsError} If a sandbox forbids netlink. */
  constructor(parts: UnderlayParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#seen = this.#whereabouts();
    this.#look = new Alarm(clock, () => this.#lookNow());
    this.#reserve = new Alarm(clock, () => this.#reserveMore());
    this.#watch = parts.watch((change) => this.#changed(change));
    this.#reserveMore();
    this.#adjustMtu();
  }

  /** Addresses of the host that others can reach, without the tunnel's own. */
  addresses(): IpAddress[] {
    const { network, interfaceName } = this.#parts.device;
    return network.hostAddresses()
      .filter((entry) => isReachable(entry) && entry.interfaceName !== interfaceName)
      .map((entry) => entry.prefix.address);
  }

  /** Calls `tell` from now on when addresses changed or the machine woke up. */
  whenChanged(tell: () => void): void {
    this.#tell = tell;
  }

  /** A peer is at the first of `endpoints`, or nowhere known: the way there counts for the MTU. */
  peerIsAt(publicKey: string, endpoints: readonly string[]): void {
    const address = Endpoint.parse(endpoints[0] ?? "")?.address;
    const before = this.#destinations.get(publicKey);
    if (before === address || (address && before?.equals(address))) return;
    if (!address) this.#destinations.delete(publicKey);
    else if (before || this.#destinations.size < LOOKED_AT_PEERS_MAX) this.#destinations.set(publicKey, address);
    else return;
    this.#lookSoon();
  }

  /** No call comes after this one has resolved. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    this.#look[Symbol.dispose]();
    this.#reserve[Symbol.dispose]();
    await this.#reserving;
  }

  #changed(change: WatchedChange): void {
    if (change === "time") {
      this.#hasJumped = true;
      this.#reserveMore();
    }
    this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#isLookPending) return;
    this.#isLookPending = true;
    this.#look.arm(Math.max(this.#parts.clock.monotonicMs() + SETTLE_MS, this.#restUntilMs));
  }

  #lookNow(): void {
    const { clock, plane, log } = this.#parts;
    this.#isLookPending = false;
    this.#restUntilMs = clock.monotonicMs() + REST_MS;
    this.#adjustMtu();
    const before = this.#seen;
    const hasJumped = this.#hasJumped;
    this.#seen = this.#whereabouts();
    this.#hasJumped = false;
    const hasMoved = this.#seen.sources !== before.sources;
    if (!hasMoved && !hasJumped && this.#seen.addresses === before.addresses) return;
    log.info(hasJumped ? "time has jumped" : "host addresses changed", { ...this.#seen });
    plane.underlayChanged(hasMoved || hasJumped);
    this.#tell();
  }

  #whereabouts(): Whereabouts {
    const { network } = this.#parts.device;
    const sources = DEFAULT_ROUTE_PROBES.map((probe) => network.sourceAddressFor(probe) ?? "none");
    return { addresses: this.addresses().map(String).sort().join(" "), sources: sources.join(" ") };
  }

  #adjustMtu(): void {
    const { device, plane, log, mtu: chosen } = this.#parts;
    const mtu = chosen ?? tunnelMtu(this.#ways());
    if (mtu === device.mtu) return;
    log.info("MTU of the tunnel", { interface: device.interfaceName, mtu, before: device.mtu });
    try {
      device.setMtu(mtu);
      plane.setMtu(mtu);
    } catch (error) {
      log.warn("MTU refused", { mtu, error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** The MTUs of the ways to the peers; of the default routes if there are no peers. */
  *#ways(): Generator<number> {
    const { network, interfaceIndex } = this.#parts.device;
    const destinations = this.#destinations.size > 0 ? this.#destinations.values() : DEFAULT_ROUTE_PROBES;
    for (const destination of destinations) {
      const mtu = network.mtuTo(destination, interfaceIndex);
      if (mtu !== undefined) yield mtu;
    }
  }

  #reserveMore(): void {
    const { timestamps, plane, clock } = this.#parts;
    if (!timestamps) return;
    this.#reserve.arm(clock.monotonicMs() + RESERVE_INTERVAL_MS);
    this.#reserving = this.#reserving.then(async () => {
      const ceiling = await timestamps.renew();
      if (ceiling) plane.raiseTimestampCeiling(ceiling);
    });
  }
}

function isReachable(entry: HostAddress): boolean {
  return entry.isInterfaceUp && !entry.isLoopback && entry.isGlobal && entry.isUsable && !entry.isTemporary;
}
