/** The kernel as the judge: it cuts super-packets for a device without offloads, and what it makes is compared with ours. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Coalescer } from "../../../core/dataplane/coalescing.ts";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import { allocatePacketMemory } from "../../../core/dataplane/packet_memory.ts";
import { Segmenter } from "../../../core/dataplane/segmentation.ts";
import { VIRTIO } from "../../../core/dataplane/virtio_header.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { TunLinux } from "../../../core/io/tun_linux.ts";
import { PrivateNetwork, run, whyNoPrivateNetwork } from "../io/private_network.ts";
import {
  anySuperPacket,
  buildPacket,
  headerBytesOf,
  type PacketShape,
  payloadOfLength,
  shape,
  superHeader,
  transportOffsetOf,
} from "./super_packet.ts";

const ignore = whyNoPrivateNetwork() !== undefined;
const DEADLINE_MS = 2_000;
const RUNS = 150;
const AT = 64;
const TARGET = 70_000;

const memory = allocatePacketMemory(300_000);

/** A kernel that forwards from a device with offloads to one without, and so has to cut what it is given. */
class Router implements Disposable {
  readonly inside: TunLinux;
  readonly #outside: TunLinux;
  readonly #poller: Poller;
  readonly #stack: DisposableStack;

  constructor() {
    using stack = new DisposableStack();
    stack.use(new PrivateNetwork());
    const libc = stack.use(Libc.open());
    this.inside = stack.use(TunLinux.create(libc, "inside0", { hasOffloads: true }));
    this.#outside = stack.use(TunLinux.create(libc, "outside0"));
    this.#poller = new Poller(libc, [this.#outside.fd]);
    run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    for (const name of ["inside0", "outside0"]) {
      run("ip", "link", "set", name, "mtu", "9000", "txqueuelen", "5000", "up");
    }
    run("ip", "route", "add", "10.0.0.0/24", "dev", "outside0");
    run("ip", "route", "add", "fd00::/64", "dev", "outside0");
    this.#stack = stack.move();
  }

  /** The next packet that was forwarded; neighbour discovery and the like are passed over. */
  next(isOurs: (packet: Uint8Array) => boolean): Uint8Array {
    const buffer = new Uint8Array(70_000);
    for (const startedMs = performance.now(); performance.now() - startedMs < DEADLINE_MS;) {
      this.#poller.wait(DEADLINE_MS);
      const length = this.#outside.read(buffer, VIRTIO.bytes);
      const packet = buffer.slice(VIRTIO.bytes, VIRTIO.bytes + length);
      if (length > 0 && isOurs(packet)) return packet;
    }
    throw new Error("The kernel forwarded nothing");
  }

  [Symbol.dispose](): void {
    this.#stack[Symbol.dispose]();
  }
}

/** As the kernel forwards it: one hop less, and the two zeros of one's complement told apart nowhere. */
function normalised(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  const isIpv4 = copy[0]! >>> 4 === 4;
  const isTcp = copy[isIpv4 ? 9 : 6] === 6;
  const at = (isIpv4 ? 20 : 40) + (isTcp ? 16 : 6);
  if (copy[at] === 0xff && copy[at + 1] === 0xff) copy.fill(0, at, at + 2);
  return copy;
}

/** Ours. */
function cut(whole: PacketShape, gsoBytes: number): Uint8Array[] {
  const packet = buildPacket(whole, "partial");
  memory.bytes.set(superHeader(whole, gsoBytes), AT - VIRTIO.bytes);
  memory.bytes.set(packet, AT);
  const segmenter = new Segmenter(memory);
  assert.ok(segmenter.begin(AT, packet.length));
  const segments: Uint8Array[] = [];
  while (segmenter.nextBytes > 0) {
    const length = segmenter.nextBytes;
    segmenter.next(TARGET);
    segments.push(memory.bytes.slice(TARGET, TARGET + length));
  }
  return segments;
}

const isOurs = ({ family, protocol }: PacketShape) => (packet: Uint8Array) =>
  packet[0]! >>> 4 === family && packet[family === 4 ? 9 : 6] === (protocol === "tcp" ? 6 : 17);

Deno.test({
  name: "Segmenter: cuts random super-packets as the kernel does",
  ignore,
  fn() {
    using router = new Router();
    const { udp } = router.inside.offloads;
    fc.assert(
      fc.property(anySuperPacket, ({ shape: made, gsoBytes }) => {
        if (made.protocol === "udp" && !udp) return;
        const whole = { ...made, hopLimit: made.hopLimit % 200 + 2, source: 1, destination: 2 };
        const ours = cut({ ...whole, hopLimit: whole.hopLimit - 1 }, gsoBytes);
        const packet = buildPacket(whole, "partial");
        memory.bytes.set(superHeader(whole, gsoBytes), AT - VIRTIO.bytes);
        memory.bytes.set(packet, AT);
        assert.ok(router.inside.write(memory.bytes, AT, packet.length), "the kernel takes it");
        for (const segment of ours) assert.deepEqual(normalised(router.next(isOurs(whole))), normalised(segment));
      }),
      { numRuns: RUNS },
    );
  },
});

Deno.test({
  name: "Coalescer: the kernel cuts what was joined into what there was",
  ignore,
  fn() {
    using router = new Router();
    const cases = [4, 6].flatMap((family) => ["tcp", "udp"].map((protocol) => ({ family, protocol }))) as Partial<
      PacketShape
    >[];
    for (const part of cases) {
      if (part.protocol === "udp" && !router.inside.offloads.udp) continue;
      const whole = shape({ ...part, payload: payloadOfLength(40 * 1300 + 77) });
      const coalescer = new Coalescer(memory, router.inside, noLoopDrops());
      const [segments, forwarded] = [cut(whole, 1300), cut({ ...whole, hopLimit: whole.hopLimit - 1 }, 1300)];
      segments.forEach((segment, index) => {
        memory.bytes.set(segment, AT + index * 1500);
        coalescer.add(AT + index * 1500, segment.length);
      });
      coalescer.flush();
      for (const segment of forwarded) assert.deepEqual(normalised(router.next(isOurs(whole))), normalised(segment));
    }
  },
});

Deno.test({
  name: "Segmenter: completes a partial checksum as the kernel does",
  ignore,
  fn() {
    using router = new Router();
    for (const part of [{ family: 4 }, { family: 6 }, { family: 4, protocol: "udp" }] as Partial<PacketShape>[]) {
      const whole = shape({ ...part, payload: payloadOfLength(777) });
      const header = superHeader(whole, 0);
      header[VIRTIO.gsoType] = 0;
      assert.equal(header[VIRTIO.checksumStart], transportOffsetOf(whole));
      memory.bytes.set(header, AT - VIRTIO.bytes);
      memory.bytes.set(buildPacket(whole, "partial"), AT);
      assert.ok(router.inside.write(memory.bytes, AT, headerBytesOf(whole) + 777));
      const kernels = router.next(isOurs(whole));
      const segmenter = new Segmenter(memory);
      memory.bytes.set(buildPacket({ ...whole, hopLimit: whole.hopLimit - 1 }, "partial"), AT);
      assert.ok(segmenter.begin(AT, headerBytesOf(whole) + 777));
      segmenter.next(TARGET);
      assert.deepEqual(normalised(kernels), normalised(memory.bytes.slice(TARGET, TARGET + kernels.length)));
    }
  },
});
