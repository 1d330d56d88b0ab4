/**
 * What every {@linkcode UdpSocket} does, the kernel's and its twin in memory alike.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { Endpoint } from "../../core/ip/endpoint.ts";
import { RUN_BYTES_MAX, RUN_DATAGRAMS_MAX, type UdpSocket } from "../../core/seams/udp_socket.ts";

/** Two IPv4 sockets that reach each other. Disposing closes both. */
export interface SocketPair extends Disposable {
  readonly sender: UdpSocket;
  readonly receiver: UdpSocket;
  /** Where each is reached. */
  readonly senderEndpoint: Endpoint;
  readonly receiverEndpoint: Endpoint;
  /** Returns when the receiver has something to receive. */
  wait(): void;
}

/** Registers the suite for sockets called `name`. */
export function testUdpSocket(name: string, open: () => SocketPair): void {
  const send = (pair: SocketPair, bytes: readonly number[]) =>
    assert.equal(pair.sender.send(Uint8Array.from(bytes), 0, bytes.length, pair.receiverEndpoint), "sent");

  Deno.test(`${name}: a datagram arrives where it is put, with its sender, and nothing around it changes`, () => {
    using pair = open();
    const out = Uint8Array.of(9, 1, 2, 3, 9);
    assert.equal(pair.sender.send(out, 1, 3, pair.receiverEndpoint), "sent");
    assert.deepEqual([...out], [9, 1, 2, 3, 9], "borrowed");
    const buffer = new Uint8Array(12).fill(7);
    const from = new Endpoint();
    from.bytes.fill(7);
    pair.wait();
    assert.equal(pair.receiver.receive(buffer, 4, from), 3);
    assert.deepEqual([...buffer], [7, 7, 7, 7, 1, 2, 3, 7, 7, 7, 7, 7]);
    assert.ok(from.equals(pair.senderEndpoint), String(from));
  });

  Deno.test(`${name}: receives 0 while nothing waits, and keeps datagrams apart and in order`, () => {
    using pair = open();
    const buffer = new Uint8Array(8);
    const from = new Endpoint();
    assert.equal(pair.receiver.receive(buffer, 0, from), 0);
    for (const bytes of [[1], [2, 2], [3, 3, 3]]) send(pair, bytes);
    for (const length of [1, 2, 3]) {
      pair.wait();
      assert.equal(pair.receiver.receive(buffer, 0, from), length);
      assert.equal(buffer[0], length);
    }
    assert.equal(pair.receiver.receive(buffer, 0, from), 0);
  });

  Deno.test(`${name}: a datagram longer than the room is cut, and its rest is gone`, () => {
    using pair = open();
    send(pair, [1, 2, 3, 4]);
    send(pair, [5]);
    const buffer = new Uint8Array(6);
    pair.wait();
    assert.equal(pair.receiver.receive(buffer, 4, new Endpoint()), 2);
    assert.deepEqual([...buffer], [0, 0, 0, 0, 1, 2]);
    pair.wait();
    assert.equal(pair.receiver.receive(buffer, 0, new Endpoint()), 1);
  });

  Deno.test(`${name}: what is sent to nobody is lost, and the sender goes on`, () => {
    using pair = open();
    const nobody = pair.receiverEndpoint.clone();
    pair.receiver[Symbol.dispose]();
    for (let i = 0; i < 3; i++) assert.equal(pair.sender.send(Uint8Array.of(1), 0, 1, nobody), "sent");
  });

  Deno.test(`${name}: a run arrives as it was sent, together or one by one, and only the last may be shorter`, () => {
    using pair = open();
    const out = Uint8Array.from({ length: 2 + 10 * 100 + 40 }, (_, index) => index * 7);
    assert.equal(pair.sender.sendRun(out, 2, out.length - 2, 100, pair.receiverEndpoint), "sent");
    send(pair, [9]);
    const buffer = new Uint8Array(70_000);
    const from = new Endpoint();
    const lengths: number[] = [];
    const bytes: number[] = [];
    while (lengths.length < 12) {
      pair.wait();
      const length = pair.receiver.receive(buffer, 4, from);
      assert.ok(from.equals(pair.senderEndpoint));
      const { receivedSegmentBytes } = pair.receiver;
      assert.ok(receivedSegmentBytes > 0);
      for (let at = 0; at < length; at += receivedSegmentBytes) {
        lengths.push(Math.min(receivedSegmentBytes, length - at));
      }
      bytes.push(...buffer.subarray(4, 4 + length));
    }
    assert.deepEqual(lengths, [...new Array(10).fill(100), 40, 1]);
    assert.deepEqual(bytes, [...out.subarray(2), 9]);
  });

  Deno.test(`${name}: a run has as many datagrams and bytes as it may`, () => {
    using pair = open();
    const out = new Uint8Array(RUN_BYTES_MAX + 1);
    const receiveAll = (expectedBytes: number) => {
      for (let received = 0; received < expectedBytes;) {
        pair.wait();
        received += pair.receiver.receive(new Uint8Array(70_000), 0, new Endpoint());
      }
    };
    assert.equal(pair.sender.sendRun(out, 0, RUN_DATAGRAMS_MAX * 10, 10, pair.receiverEndpoint), "sent");
    receiveAll(RUN_DATAGRAMS_MAX * 10);
    assert.equal(pair.sender.sendRun(out, 0, RUN_BYTES_MAX, 1452, pair.receiverEndpoint), "sent");
    receiveAll(RUN_BYTES_MAX);
    assert.notEqual(pair.sender.sendRun(out, 0, RUN_BYTES_MAX + 1, 1452, pair.receiverEndpoint), "sent");
  });

  Deno.test(`${name}: knows its family and port`, () => {
    using pair = open();
    assert.equal(pair.sender.family, 4);
    assert.equal(pair.sender.port, pair.senderEndpoint.port);
  });
}
