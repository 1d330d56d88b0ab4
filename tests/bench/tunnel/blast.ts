/**
 * A sender and a receiver of small datagrams, for rates at which a receiver with a small buffer would lose what the
 * tunnel does not: both use this program's own sockets, whose buffers are large.
 *
 * ```text
 * blast.ts receive ADDRESS PORT              prints "ready", and at the end a Received as JSON
 * blast.ts send ADDRESS PORT RATE SECONDS    prints a Sent as JSON
 * ```
 *
 * Datagrams have 64 bytes, leave in bursts a millisecond apart, and are sent one by one. The last ones say that it is over.
 *
 * @module
 */
import { Libc } from "../../../core/io/libc_ffi.ts";
import { Poller } from "../../../core/io/poll.ts";
import { openUdpSockets } from "../../../core/io/udp_socket_linux.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";

/** Payload of a datagram. */
export const DATAGRAM_BYTES = 64;

/** What the sender did. */
export interface Sent {
  readonly count: number;
  readonly seconds: number;
}

/** What arrived. */
export interface Received {
  readonly count: number;
}

const BURST_MS = 1;
const ENDING_COUNT = 20;
const ENDING_PAUSE_MS = 20;
const PATIENCE_MS = 10_000;
const DATA = 0;
const ENDING = 1;

function send(address: string, port: number, rate: number, seconds: number): Sent {
  using libc = Libc.open();
  using sockets = openUdpSockets(libc, 0);
  const poller = new Poller(libc, [sockets.ipv4.fd]);
  const to = endpointOf(address, port);
  const datagram = new Uint8Array(DATAGRAM_BYTES);
  const startedMs = performance.now();
  let count = 0;
  for (let nowMs = startedMs; nowMs < startedMs + seconds * 1_000; nowMs = performance.now()) {
    const due = Math.floor((nowMs - startedMs) * rate / 1_000);
    while (count < due) {
      if (sockets.ipv4.send(datagram, 0, DATAGRAM_BYTES, to) !== "sent") break;
      count++;
    }
    poller.wait(BURST_MS);
  }
  const sent = { count, seconds: (performance.now() - startedMs) / 1_000 };
  datagram[0] = ENDING;
  for (let i = 0; i < ENDING_COUNT; i++) {
    poller.wait(ENDING_PAUSE_MS);
    sockets.ipv4.send(datagram, 0, DATAGRAM_BYTES, to);
  }
  return sent;
}

function receive(port: number): Received {
  using libc = Libc.open();
  using sockets = openUdpSockets(libc, port);
  const { ipv4 } = sockets;
  const poller = new Poller(libc, [ipv4.fd]);
  const buffer = new Uint8Array(65_536);
  const from = new Endpoint();
  console.log("ready");
  let count = 0;
  while (true) {
    poller.wait(PATIENCE_MS);
    if (!poller.isReady(0)) return { count };
    for (let length = ipv4.receive(buffer, 0, from); length > 0; length = ipv4.receive(buffer, 0, from)) {
      for (let at = 0; at < length; at += ipv4.receivedSegmentBytes) {
        if (buffer[at] === ENDING) return { count };
        if (buffer[at] === DATA) count++;
      }
    }
  }
}

function endpointOf(address: string, port: number): Endpoint {
  const endpoint = Endpoint.parse(`${address}:${port}`);
  if (endpoint === undefined) throw new Error(`Not an endpoint: ${address}:${port}`);
  return endpoint;
}

if (import.meta.main) {
  const [role, address = "", port, rate, seconds] = Deno.args;
  const report = role === "send" ? send(address, Number(port), Number(rate), Number(seconds)) : receive(Number(port));
  console.log(JSON.stringify(report));
}
