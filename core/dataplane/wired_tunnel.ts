/**
 * Everything on a packet's way, wired: engine, device, sockets, paths, the packet loop over them, and the inbox through
 * which it is told what to do.
 *
 * The data-plane worker has one, and `rehearsal.ts` two more before it: what compilers learn from those holds for the
 * worker's only if it is made of the same parts in the same way, so nobody else puts them together.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { CryptoSuite } from "../crypto/suite.ts";
import type { Libc } from "../io/libc_ffi.ts";
import { Poller } from "../io/poll.ts";
import type { PollingThreadPort } from "../io/polling_thread.ts";
import { systemRandom } from "../io/random.ts";
import { RouteMtu } from "../io/route_mtu_linux.ts";
import type { TunLinux } from "../io/tun_linux.ts";
import { UdpSocketLinux } from "../io/udp_socket_linux.ts";
import { PrivateKey } from "../keys/private_key.ts";
import type { Clock } from "../seams/clock.ts";
import { Engine } from "../wireguard/engine.ts";
import type { EngineSink } from "../wireguard/sink.ts";
import { ControlInbox } from "./control_inbox.ts";
import type { ControlMessage, WorkerMessage, WorkerStart } from "./messages.ts";
import { PacketLoop } from "./packet_loop.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { PathMtu } from "./path_mtu.ts";
import { PausableReadiness } from "./pausable_readiness.ts";

/** The conversation with whoever tells the tunnel what to do. */
export type TunnelPort = PollingThreadPort<WorkerStart, ControlMessage, WorkerMessage>;

/** What a tunnel is wired from; all of it stays the caller's. */
export interface TunnelParts {
  readonly libc: Libc;
  readonly clock: Clock;
  readonly suite: CryptoSuite;
  /** From `allocateLoopMemory`. */
  readonly memory: PacketMemory;
  /** Over the descriptor in `port.start`. */
  readonly device: TunLinux;
  /** The private key in `start` is wiped. */
  readonly port: TunnelPort;
}

/** A tunnel that knows its peers. Dispose of it: it holds secrets. */
export interface WiredTunnel extends Disposable {
  readonly loop: PacketLoop;
  readonly inbox: ControlInbox;
}

/** See the module. */
export function wireTunnel({ libc, clock, suite, memory, device, port }: TunnelParts): WiredTunnel {
  const { start } = port;
  const { tun, udp4, udp6 } = start.descriptors;
  const sockets = [UdpSocketLinux.lent(libc, udp4, 4, start.listenPort)];
  if (udp6 !== undefined) sockets.push(UdpSocketLinux.lent(libc, udp6, 6, start.listenPort));

  using privateKey = takePrivateKey(start);
  using stack = new DisposableStack();
  const engine = stack.use(
    new Engine({
      privateKey,
      suite,
      random: systemRandom,
      mtu: start.mtu,
      ...(start.timestampFloor && { timestampFloor: start.timestampFloor }),
      ...(start.timestampCeiling && { timestampCeiling: start.timestampCeiling }),
    }),
  );
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
    memory,
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
  const owned = stack.move();
  return { loop, inbox, [Symbol.dispose]: () => owned[Symbol.dispose]() };
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

function takePrivateKey(start: WorkerStart): PrivateKey {
  const key = PrivateKey.fromBytes(start.privateKey);
  assert(key !== undefined, "the control thread hands over a whole key");
  start.privateKey.fill(0);
  return key;
}
