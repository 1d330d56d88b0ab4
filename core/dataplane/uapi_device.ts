/**
 * A plain WireGuard device of this host, as `wireguard-go` makes one: a TUN interface that others give addresses, routes and
 * an MTU, a data plane behind it, and the configuration socket of `wg`. No mesh.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { openCryptoSuite } from "../io/crypto_suite.ts";
import { HostNetwork } from "../io/host_network_linux.ts";
import { Libc } from "../io/libc_ffi.ts";
import { LinkMonitor } from "../io/link_monitor_linux.ts";
import { systemRandom } from "../io/random.ts";
import { TunLinux } from "../io/tun_linux.ts";
import { UdpPorts } from "../io/udp_ports.ts";
import { PrivateKey } from "../keys/private_key.ts";
import type { Log } from "../seams/log.ts";
import { startDataPlane } from "./data_plane.ts";
import { DeviceControl } from "./uapi_control.ts";
import { UapiServer } from "./uapi_server.ts";

/** What {@linkcode openUapiDevice} opens. */
export interface UapiDeviceConfig {
  /** At most 15 letters, digits, dots, dashes and underscores. */
  readonly interfaceName: string;
  /** What the interface begins with, in bytes. */
  readonly mtu: number;
  /** Where the configuration socket is; where `wg` looks unless told otherwise. */
  readonly socketDirectory?: string;
}

/** Why a device ended by itself. */
export type UapiDeviceEnd = "interface deleted" | "socket removed";

/** An open device. Disposing it removes interface and socket, if they are still there. */
export interface UapiDevice extends AsyncDisposable {
  readonly socketPath: string;
  readonly ended: Promise<UapiDeviceEnd>;
}

/**
 * Creates the interface, which is down, and the socket, which is ready; undoes what it did if any of it fails.
 *
 * @throws {ConfigError} If name or socket are taken, or the system has no TUN devices.
 * @throws {MeshError} `permission-denied` without CAP_NET_ADMIN.
 */
export async function openUapiDevice(config: UapiDeviceConfig, log: Log): Promise<UapiDevice> {
  const { interfaceName, mtu, socketDirectory } = config;
  await using stack = new AsyncDisposableStack();
  const libc = stack.use(Libc.open());
  const suite = stack.use(openCryptoSuite());
  const tun = stack.use(TunLinux.create(libc, interfaceName, { hasOffloads: true }));
  const network = stack.use(HostNetwork.open(libc));
  const link = network.link(tun.name);
  assert(link !== undefined, "an interface that was just created exists");
  network.withoutLinkLocal(link.index);
  network.setMtu(link.index, mtu);
  const ports = stack.use(UdpPorts.open(libc));

  const device = {
    interfaceName,
    mtu,
    get listenPort() {
      return ports.port;
    },
    descriptors: { tun: tun.fd, udp4: ports.udp4, udp6: ports.udp6 },
    libc,
  };
  const newPrivateKey = () => PrivateKey.generate(systemRandom);
  const planeKey = newPrivateKey();
  const controls = stack.use(new AsyncDisposableStack());
  const plane = stack.use(await startDataPlane({ device, privateKey: planeKey, isPaused: true, log }));
  const control = controls.use(
    new DeviceControl(
      {
        plane,
        ports,
        newPrivateKey,
        publicKeyOf: (privateKey) => String(privateKey.publicKey(suite.x25519)),
        indexOf: (name) => network.link(name)?.index,
        log,
      },
      planeKey,
      mtu,
    ),
  );

  const ended = Promise.withResolvers<UapiDeviceEnd>();
  plane.interfaceGone.then(() => ended.resolve("interface deleted"));
  stack.use(
    LinkMonitor.open(libc, tun.fd, (state) => {
      if (state) control.linkChanged(state);
      else ended.resolve("interface deleted");
    }),
  );
  const server = stack.use(
    await UapiServer.open({
      interfaceName,
      handler: control,
      log,
      ...(socketDirectory !== undefined && { directory: socketDirectory }),
    }),
  );
  server.removed.then(() => ended.resolve("socket removed"));
  const owned = stack.move();
  return {
    socketPath: server.path,
    ended: ended.promise,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
