/**
 * One of the two tunnels of a rehearsal, with everything it runs over: UDP sockets on the loopback interface, and a mirror
 * for a device.
 *
 * @module
 */
import type { CryptoSuite } from "../crypto/suite.ts";
import { Eventfd } from "../io/eventfd.ts";
import type { FileDescriptor } from "../io/file_descriptor.ts";
import type { Libc } from "../io/libc_ffi.ts";
import { openPacketMirror } from "../io/packet_mirror.ts";
import { Poller } from "../io/poll.ts";
import { systemRandom } from "../io/random.ts";
import { TunLinux } from "../io/tun_linux.ts";
import { openUdpSockets, type UdpSocketPair } from "../io/udp_socket_linux.ts";
import { Endpoint } from "../ip/endpoint.ts";
import { IPV4_HEADER_BYTES, IPV6_HEADER_BYTES } from "../ip/header.ts";
import { PrivateKey } from "../keys/private_key.ts";
import type { Clock } from "../seams/clock.ts";
import type { ControlMessage } from "./messages.ts";
import { TUN_INDEX } from "./packet_loop.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { VIRTIO } from "./virtio_header.ts";
import { type WiredTunnel, wireTunnel } from "./wired_tunnel.ts";

/** What a rehearsal shares with the tunnel that comes after it. */
export interface Stage {
  readonly libc: Libc;
  readonly suite: CryptoSuite;
  /** From `allocateLoopMemory`. */
  readonly memory: PacketMemory;
}

const MTU = 1420;
const PERSISTENT_KEEPALIVE_MS = 25_000;
/** For what matters of a packet. */
const SCRATCH_BYTES = 256;
const IPV4_VERSION_AND_LENGTH = 0x45;
const ECHO_REPLY = 0;
const ECHO_REPLY6 = 129;

/** One of the two tunnels, with everything it runs over. */
export class RehearsalPlayer implements Disposable {
  /** Of addresses outside of the tunnel that this host has. */
  readonly families: readonly (4 | 6)[];
  readonly #stack: DisposableStack;
  readonly #libc: Libc;
  readonly #mirror: FileDescriptor;
  readonly #sockets: UdpSocketPair;
  readonly #wake: Eventfd;
  readonly #tunnel: WiredTunnel;
  readonly #ready: Poller;
  readonly #descriptorCount: number;
  readonly #publicKey: string;
  readonly #messages: ControlMessage[] = [];
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  /** @throws {Error} If the host has something of what it takes not to give. */
  constructor({ libc, suite, memory }: Stage, clock: Clock) {
    using stack = new DisposableStack();
    this.#libc = libc;
    this.#mirror = stack.use(openPacketMirror(libc));
    this.#sockets = stack.use(openUdpSockets(libc, 0, "loopback"));
    this.#wake = stack.use(Eventfd.open(libc));
    using privateKey = PrivateKey.generate(systemRandom);
    this.#publicKey = String(privateKey.publicKey(suite.x25519));
    const { ipv4, ipv6 } = this.#sockets;
    this.families = ipv6 === undefined ? [4] : [4, 6];
    const tun = this.#mirror.number;
    const [wake, messages] = [this.#wake, this.#messages];
    const name = "rehearsal";
    this.#tunnel = stack.use(wireTunnel({
      libc,
      clock,
      suite,
      memory,
      device: TunLinux.standIn(libc, tun, name),
      port: {
        start: {
          interfaceName: name,
          mtu: MTU,
          listenPort: this.#sockets.port,
          descriptors: { tun, udp4: ipv4.fd, udp6: ipv6?.fd },
          privateKey: privateKey.reveal(),
          timestampFloor: undefined,
          timestampCeiling: undefined,
          peers: [],
        },
        wakeFd: wake.fd,
        takeAll(handle) {
          wake.clear();
          for (const message of messages.splice(0)) handle(message);
        },
        send: () => {},
      },
    }));
    const descriptors = [wake.fd, tun, ipv4.fd, ...(ipv6 ? [ipv6.fd] : [])];
    this.#descriptorCount = descriptors.length;
    this.#ready = new Poller(libc, descriptors);
    this.#stack = stack.move();
  }

  /** Whether there is anything to do. */
  get isBusy(): boolean {
    this.#ready.wait(0);
    for (let i = 0; i < this.#descriptorCount; i++) if (this.#ready.isReady(i)) return true;
    return false;
  }

  /** Whether a packet came out of the tunnel, or was put in front of it. */
  get hasPacket(): boolean {
    this.#ready.wait(0);
    return this.#ready.isReady(TUN_INDEX);
  }

  /** Tells another tunnel about this one. */
  introduction(): ControlMessage {
    return {
      kind: "upsert-peer",
      peer: {
        publicKey: this.#publicKey,
        endpoints: [this.#endpoint(4)],
        allowedIps: ["0.0.0.0/0", "10.0.0.0/24", "::/0", "fd00::/64"],
        persistentKeepaliveMs: PERSISTENT_KEEPALIVE_MS,
      },
    };
  }

  /** Tells another tunnel which address of this one to send to. */
  whereabouts(family: 4 | 6): ControlMessage {
    return { kind: "move-peer", publicKey: this.#publicKey, endpoint: this.#endpoint(family) };
  }

  /** Leaves a message for the next turn. */
  hear(message: ControlMessage): void {
    this.#messages.push(message);
    this.#wake.wake();
  }

  /** One turn of the packet loop, which does not wait. */
  turn(): void {
    if (!this.isBusy) this.#wake.wake();
    this.#tunnel.loop.turn();
  }

  /** Puts a packet with its virtio header where this device reads. */
  reflect(buffer: Uint8Array<ArrayBuffer>, offset: number, length: number): void {
    this.#libc.call.write(this.#mirror.number, buffer.subarray(offset, offset + length), length);
  }

  /** Takes away all packets in front of the tunnel. */
  clearMirror(): void {
    while (this.#take() >= 0);
  }

  /** Echo requests that came out of the tunnel become their answers, as far as probes can tell. */
  answerEchoes(): void {
    const packets = [];
    for (let length = this.#take(); length >= 0; length = this.#take()) packets.push(this.#scratch.slice(0, length));
    for (const packet of packets) {
      const isIpv4 = packet[VIRTIO.bytes] === IPV4_VERSION_AND_LENGTH;
      const icmp = VIRTIO.bytes + (isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES);
      packet[icmp] = isIpv4 ? ECHO_REPLY : ECHO_REPLY6;
      this.reflect(packet, 0, packet.length);
    }
  }

  #take(): number {
    return this.#libc.call.read(this.#mirror.number, this.#scratch, this.#scratch.length);
  }

  /** Sends a datagram past the tunnel. */
  sendTo(other: RehearsalPlayer, family: 4 | 6, buffer: Uint8Array, offset: number, length: number): void {
    const socket = family === 4 ? this.#sockets.ipv4 : this.#sockets.ipv6;
    const to = Endpoint.parse(other.#endpoint(family));
    if (to !== undefined) socket?.send(buffer, offset, length, to);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #endpoint(family: 4 | 6): string {
    return `${family === 4 ? "127.0.0.1" : "[::1]"}:${this.#sockets.port}`;
  }
}
