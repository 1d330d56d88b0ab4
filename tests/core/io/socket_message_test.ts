import { strict as assert } from "node:assert";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { SocketMessage } from "../../../core/io/socket_message.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

Deno.test("SocketMessage: carries bytes from one place to another, and no control message that nobody sent", () => {
  using libc = Libc.open();
  const fds = new Int32Array(2);
  assert.equal(libc.call.socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
  const [outgoing, incoming] = [new SocketMessage(), new SocketMessage()];
  outgoing.toSend(Uint8Array.of(0, 1, 2, 3, 0), 1, 3, 3, 0);
  assert.equal(libc.call.sendmsg(fds[0]!, outgoing.header, 0), 3);
  const room = new Uint8Array(6).fill(7);
  incoming.toReceive(room, 2);
  assert.equal(libc.call.recvmsg(fds[1]!, incoming.header, 0), 3);
  assert.deepEqual([...room], [7, 7, 1, 2, 3, 7]);
  const local = new Uint8Array(16).fill(7);
  assert.equal(incoming.takeControl(local), 0);
  assert.deepEqual(local, new Uint8Array(16));
  for (const fd of fds) libc.call.close(fd);
});

Deno.test("SocketMessage: room ends with the buffer", () => {
  using libc = Libc.open();
  const fds = new Int32Array(2);
  assert.equal(libc.call.socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
  assert.equal(libc.call.write(fds[0]!, new Uint8Array(9).fill(1), 9), 9);
  const memory = new Uint8Array(16);
  const message = new SocketMessage();
  message.toReceive(memory.subarray(0, 8), 3);
  assert.equal(libc.call.recvmsg(fds[1]!, message.header, 0), 5);
  assert.deepEqual([...memory], [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  for (const fd of fds) libc.call.close(fd);
});
