/**
 * The data-plane worker: opens its ends of what it was lent, wires engine and packet loop, and turns until told to stop.
 *
 * What it does with packets is in `packet_loop.ts`, with messages in `control_inbox.ts`; how it is started, and replaced
 * when it dies, in `data_plane.ts`.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { bootClock } from "../io/clock.ts";
import { openCryptoSuite } from "../io/crypto_suite.ts";
import { Errno, OsError } from "../io/errno.ts";
import { Libc } from "../io/libc_ffi.ts";
import { Poller } from "../io/poll.ts";
import { type PollingThreadPort, runPollingThread } from "../io/polling_thread.ts";
import { systemRandom } from "../io/random.ts";
import { RouteMtu } from "../io/route_mtu_linux.ts";
import { TunLinux } from "../io/tun_linux.ts";
import { UdpSocketLinux } from "../io/udp_socket_linux.ts";
import { PrivateKey } from "../keys/private_key.ts";
import { Engine } from "../wireguard/engine.ts";
import type { EngineSink } from "../wireguard/sink.ts";
import { ControlInbox } from "./control_inbox.ts";
import type { ControlMessage, WorkerMessage, WorkerStart } from "./messages.ts";
import { PacketLoop } from "./packet_loop.ts";
import { PathMtu } from "./path_mtu.ts";
import { PausableReadiness } from "./pausable_readiness.ts";

type Port = PollingThreadPort<WorkerStart, ControlMessage, WorkerMessage>;

using libc = Libc.open();
runPollingThread(libc, (port: Port) => runTunnel(libc, port));

/** Holds the thread until the control thread says stop. */
function runTunnel(libc: Libc, port: Port): void {
  libc.steady.rehearse();
  const { start } = port;
  const { tun, udp4, udp6 } = start.descriptors;
  const sockets = [UdpSocketLinux.lent(libc, udp4, 4, start.listenPort)];
  if (udp6 !== undefined) sockets.push(UdpSocketLinux.lent(libc, udp6, 6, start.listenPort));
  const clock = bootClock(libc);

  using suite = openCryptoSuite();
  using privateKey = takePrivateKey(start);
  using engine = new Engine({
    privateKey,
    suite,
    random: systemRandom,
    mtu: start.mtu,
    ...(start.timestampFloor && { timestampFloor: start.timestampFloor }),
    ...(start.timestampCeiling && { timestampCeiling: start.timestampCeiling }),
  });
  const device = TunLinux.lent(libc, tun, start.interfaceName);
  const routes = new RouteMtu(libc);
  const paths = new PathMtu({
    routeMtu: (endpoint) => routes.to(endpoint),
    toHost: (buffer, offset, length) => device.write(buffer, offset, length),
    tunnelMtu: start.mtu,
    probes: {
      random: systemRandom,
      send(peer, buffer, offset, length, now) {
        const socket = sockets.find(({ family }) => family === peer.endpoint.family);
        socket?.forbidFragments(true);
        engine.fromTun(buffer, offset, length, now, straightTo(sockets));
        socket?.forbidFragments(false);
      },
    },
  });
  const loop: PacketLoop = new PacketLoop({
    engine,
    tun: device,
    sockets,
    paths,
    readiness: new PausableReadiness(
      new Poller(libc, [port.wakeFd, tun, ...sockets.map((socket) => socket.fd)]),
      new Poller(libc, [port.wakeFd]),
      () => inbox.isPaused,
    ),
    clock,
    onWake: (now) => port.takeAll((message) => inbox.carryOut(message, now)),
  });
  const isPaused = start.isPaused ?? false;
  if (isPaused) engine.pause();
  const inbox: ControlInbox = new ControlInbox({
    engine,
    cryptoSuite: suite.name,
    isPaused,
    loopDrops: loop.drops,
    setMtu(mtu) {
      engine.setMtu(mtu);
      paths.setTunnelMtu(mtu);
    },
    underlayChanged(hasMoved, now) {
      if (hasMoved) paths.forgetAll(now);
      else paths.forget(now);
      engine.underlayChanged(hasMoved, now, straightTo(sockets));
    },
    send: (message) => port.send(message),
  });

  const now = { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  for (const peer of start.peers) inbox.upsertPeer(peer, now);
  port.send({ kind: "ready", cryptoSuite: suite.name });
  try {
    while (!inbox.isStopping) loop.turn();
  } catch (error) {
    if (!isInterfaceGone(error)) throw error;
    port.send({ kind: "interface-gone" });
  }
}

/** For messages of the engine's own: what cannot be sent is lost, as on any network. */
function straightTo(sockets: readonly UdpSocketLinux[]): EngineSink {
  return {
    toNetwork(buffer, offset, length, endpoint) {
      sockets.find((socket) => socket.family === endpoint.family)?.send(buffer, offset, length, endpoint);
    },
    toTun() {},
  };
}

/** The device is still open, and what it belonged to is not there any more. */
function isInterfaceGone(error: unknown): boolean {
  return error instanceof OsError && error.errno === Errno.EBADFD;
}

function takePrivateKey(start: WorkerStart): PrivateKey {
  const key = PrivateKey.fromBytes(start.privateKey);
  assert(key !== undefined, "the control thread hands over a whole key");
  start.privateKey.fill(0);
  return key;
}
