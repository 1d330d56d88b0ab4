import { strict as assert } from "node:assert";
import { Endpoint } from "../../core/ip/endpoint.ts";
import { MemoryNetwork, RECEIVE_QUEUE_MAX } from "./memory_udp.ts";
import { testUdpSocket } from "./udp_socket_suite.ts";

testUdpSocket("MemoryUdpSocket", () => {
  const network = new MemoryNetwork();
  const [sender, receiver] = [network.bind("192.0.2.1:1"), network.bind("192.0.2.2:2")];
  return {
    sender,
    receiver,
    senderEndpoint: sender.endpoint,
    receiverEndpoint: receiver.endpoint,
    wait() {},
    [Symbol.dispose]() {
      sender[Symbol.dispose]();
      receiver[Symbol.dispose]();
    },
  };
});

Deno.test("MemoryNetwork: loses and refuses what it is told to", () => {
  const network = new MemoryNetwork();
  const [sender, receiver] = [network.bind("192.0.2.1:1"), network.bind("192.0.2.2:2")];
  network.fate = ({ bytes }) => bytes[0] === 1 ? "lose" : bytes[0] === 2 ? "too-big" : "deliver";
  const results = [1, 2, 3].map((byte) => sender.send(Uint8Array.of(byte), 0, 1, receiver.endpoint));
  assert.deepEqual(results, ["sent", "too-big", "sent"]);
  assert.equal(receiver.waitingCount, 1);
});

Deno.test("MemoryUdpSocket: a full queue loses one more", () => {
  const network = new MemoryNetwork();
  const [sender, receiver] = [network.bind("192.0.2.1:1"), network.bind("192.0.2.2:2")];
  for (let i = 0; i <= RECEIVE_QUEUE_MAX; i++) sender.send(Uint8Array.of(1), 0, 1, receiver.endpoint);
  assert.equal(receiver.waitingCount, RECEIVE_QUEUE_MAX);
  assert.equal(receiver.receive(new Uint8Array(1), 0, new Endpoint()), 1);
});
