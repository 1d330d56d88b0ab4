/**
 * Everything of the host that a tunnel occupies: the TUN interface with its addresses and routes, and the UDP port.
 *
 * Lives on the control thread, which owns all descriptors and lends them to the worker by number: a worker may die and
 * be replaced while interface, addresses and port stay. When the process dies, the kernel removes it all.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { HostNetwork } from "../io/host_network_linux.ts";
import { Libc } from "../io/libc_ffi.ts";
import { TunLinux } from "../io/tun_linux.ts";
import { openUdpSockets } from "../io/udp_socket_linux.ts";
import type { Prefix } from "../ip/prefix.ts";
import type { Log } from "../seams/log.ts";
import type { DeviceDescriptors } from "./messages.ts";

/** What {@linkcode openHostDevice} opens. */
export interface HostDeviceConfig {
  /** At most 15 letters, digits, dots, dashes and underscores. */
  readonly interfaceName: string;
  /** Of the interface, in bytes. */
  readonly mtu: number;
  /** UDP port of both families; 0 for any that is free. */
  readonly listenPort: number;
}

/** What the interface has besides its name. */
export interface InterfaceNetwork {
  /** Own addresses. Where the prefix is longer than the address, the kernel routes all of it through the interface. */
  readonly addresses: readonly Prefix[];
  /** Further destinations behind the interface. */
  readonly routes: readonly Prefix[];
}

/** An open device. Dispose it after the data plane that uses it. */
export interface HostDevice extends Disposable {
  readonly interfaceName: string;
  /** Of the interface, as the kernel numbers it. */
  readonly interfaceIndex: number;
  /** Of the interface, as it was set last. */
  readonly mtu: number;
  /** Changes the interface's. @throws {OsError} If the kernel refuses. */
  setMtu(mtu: number): void;
  /** The bound port. */
  readonly listenPort: number;
  readonly descriptors: DeviceDescriptors;
  /** The host's network, for endpoint detection. */
  readonly network: HostNetwork;
  /** The C library of the control thread. */
  readonly libc: Libc;
  /**
   * Makes the interface's addresses and routes exactly these, whatever they were. A route that the kernel refuses is
   * logged and left out.
   *
   * @throws {MeshError} `permission-denied` without CAP_NET_ADMIN.
   * @throws {OsError} If the kernel refuses an address.
   */
  applyAddresses(wanted: InterfaceNetwork): void;
}

/**
 * Creates the interface, brings it up and binds the port; undoes what it did if any of it fails.
 *
 * @throws {ConfigError} If the name or the port is taken, or the system has no TUN devices.
 * @throws {MeshError} `permission-denied` without CAP_NET_ADMIN.
 */
export function openHostDevice(config: HostDeviceConfig, log: Log): HostDevice {
  using stack = new DisposableStack();
  const libc = stack.use(Libc.open());
  const sockets = stack.use(openUdpSockets(libc, config.listenPort));
  const network = stack.use(HostNetwork.open(libc));
  const tun = stack.use(TunLinux.create(libc, config.interfaceName, { hasOffloads: true }));
  const link = network.link(tun.name);
  assert(link !== undefined, "an interface that was just created exists");
  network.bringUp(link.index, config.mtu);
  let mtu = config.mtu;
  const owned = stack.move();
  return {
    interfaceName: tun.name,
    interfaceIndex: link.index,
    get mtu() {
      return mtu;
    },
    setMtu(next) {
      network.setMtu(link.index, next);
      mtu = next;
    },
    listenPort: sockets.port,
    descriptors: { tun: tun.fd, udp4: sockets.ipv4.fd, udp6: sockets.ipv6?.fd },
    network,
    libc,
    applyAddresses: (wanted) => applyAddresses(network, link.index, wanted, log),
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

/** Asks the kernel at each step: removing an address takes others, and routes, with it. */
function applyAddresses(network: HostNetwork, index: number, wanted: InterfaceNetwork, log: Log): void {
  for (const stale of without(network.addressesOf(index), wanted.addresses)) network.removeAddress(index, stale);
  for (const missing of without(wanted.addresses, network.addressesOf(index))) network.addAddress(index, missing);
  const routes = wanted.routes.map((route) => route.masked());
  for (const stale of without(network.routesOf(index), routes)) network.removeRoute(index, stale);
  for (const missing of without(routes, network.routesOf(index))) {
    try {
      network.addRoute(index, missing);
    } catch (error) {
      log.warn("route refused", { route: String(missing), error: String(error) });
    }
  }
}

function without(prefixes: readonly Prefix[], others: readonly Prefix[]): Prefix[] {
  const texts = new Set(others.map(String));
  return prefixes.filter((prefix) => !texts.has(String(prefix)));
}
