import { strict as assert } from "node:assert";
import { becomePacketThread, PACKET_THREAD_NICENESS } from "../../../core/io/packet_thread.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";

/** Niceness of the calling thread as the kernel says it. */
function niceness(): number {
  const text = Deno.readTextFileSync("/proc/thread-self/stat");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[16]);
}

Deno.test("becomePacketThread: the calling thread runs before others, where it may", () => {
  using libc = Libc.open();
  const before = niceness();
  try {
    const mayRise = becomePacketThread(libc);
    assert.equal(niceness(), mayRise ? PACKET_THREAD_NICENESS : before);
  } finally {
    libc.call.setpriority(0, 0, before);
  }
});
