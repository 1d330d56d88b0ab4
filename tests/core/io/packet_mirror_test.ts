import { strict as assert } from "node:assert";
import { Errno } from "../../../core/io/errno.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { openPacketMirror } from "../../../core/io/packet_mirror.ts";
import { TunLinux } from "../../../core/io/tun_linux.ts";
import { VIRTIO_HEADER_BYTES } from "../../../core/seams/tun.ts";

Deno.test("openPacketMirror: gives back each packet whole and in order, and then nothing", () => {
  using libc = Libc.open();
  using mirror = openPacketMirror(libc);
  const long = new Uint8Array(65_545).fill(7);
  assert.equal(libc.call.write(mirror.number, Uint8Array.of(1, 2, 3), 3), 3);
  assert.equal(libc.call.write(mirror.number, long, long.length), long.length);
  const back = new Uint8Array(70_000);
  assert.equal(libc.call.read(mirror.number, back, back.length), 3);
  assert.deepEqual([...back.subarray(0, 4)], [1, 2, 3, 0]);
  assert.equal(libc.call.read(mirror.number, back, back.length), long.length);
  assert.deepEqual(back.subarray(0, long.length), long);
  assert.equal(libc.call.read(mirror.number, back, back.length), -1);
  assert.equal(libc.errno(), Errno.EAGAIN);
});

Deno.test("openPacketMirror: two of them have nothing to do with each other", () => {
  using libc = Libc.open();
  using left = openPacketMirror(libc);
  using right = openPacketMirror(libc);
  libc.call.write(left.number, Uint8Array.of(1), 1);
  assert.equal(libc.call.read(right.number, new Uint8Array(1), 1), -1);
});

Deno.test("TunLinux.standIn: over a mirror it is a device with headers and offloads", () => {
  using libc = Libc.open();
  using mirror = openPacketMirror(libc);
  const tun = TunLinux.standIn(libc, mirror.number, "stand0");
  assert.deepEqual(tun.offloads, { tcp: true, udp: true });
  const start = 16;
  const buffer = new Uint8Array(64);
  buffer.fill(9, start - VIRTIO_HEADER_BYTES, start + 4);
  assert.ok(tun.write(buffer, start, 4));
  const back = new Uint8Array(64);
  assert.equal(tun.read(back, start), 4);
  assert.deepEqual(back, buffer);
  assert.equal(tun.read(back, start), 0);
});
