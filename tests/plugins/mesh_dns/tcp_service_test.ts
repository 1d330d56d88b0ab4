import assert from "node:assert/strict";
import type { TcpConnection } from "../../../core/plugin/listen.ts";
import {
  serveTcp,
  TCP_ANSWERS_PER_TURN_MAX,
  TCP_CONNECTIONS_MAX,
  TCP_IDLE_MS,
  TCP_QUERY_BYTES_MAX,
  type TcpEnd,
  TcpRoom,
} from "../../../plugins/mesh_dns/tcp_service.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { framed, queryBytes } from "./paper_mesh.ts";

const QUESTION = framed(queryBytes("a.webmesh.internal", "A"));

/** A connection on paper: the test is the other side. */
class PaperConnection implements TcpConnection {
  readonly remote;
  readonly written: Uint8Array[] = [];
  isClosed = false;
  readonly #waiting: Uint8Array[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(host = "127.0.0.1") {
    this.remote = { host, port: 1 };
  }

  give(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#wake.resolve();
  }

  async read(into: Uint8Array): Promise<number | undefined> {
    while (this.#waiting.length === 0 && !this.isClosed) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
    if (this.isClosed) throw new Error("closed");
    const bytes = this.#waiting.shift() ?? new Uint8Array(0);
    into.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes.slice());
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
    this.#wake.resolve();
  }
}

/** Serves connections, at a time that the test says. */
class PaperServer {
  readonly clock = new ManualClock();
  readonly room = new TcpRoom();
  #nextTurn = Promise.withResolvers<void>();
  readonly #timers = new Set<{ atMs: number; readonly onDue: () => void }>();

  serve(connection: PaperConnection): Promise<TcpEnd> {
    const timer = (onDue: () => void) => {
      const armed = { atMs: Infinity, onDue };
      this.#timers.add(armed);
      return {
        arm: (atMs: number) => void (armed.atMs = atMs),
        [Symbol.dispose]: () => void this.#timers.delete(armed),
      };
    };
    const answer = () => Promise.resolve(new Uint8Array(12));
    const delay = () => this.#nextTurn.promise;
    return serveTcp(connection, { time: { timer, delay }, clock: this.clock, answer, room: this.room });
  }

  async turn(): Promise<void> {
    this.#nextTurn.resolve();
    this.#nextTurn = Promise.withResolvers();
    await settled();
  }

  async pass(durationMs: number): Promise<void> {
    this.clock.advance(durationMs);
    for (const armed of this.#timers) if (armed.atMs <= this.clock.monotonicMs()) armed.onDue();
    await settled();
  }
}

/** What can go on without anything from outside has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) await Promise.resolve();
}

Deno.test("serveTcp: who does not ask for the limit is closed, who asks has as much again", async () => {
  const [server, connection] = [new PaperServer(), new PaperConnection()];
  const end = server.serve(connection);
  await server.pass(TCP_IDLE_MS - 1);
  assert(!connection.isClosed);
  connection.give(QUESTION);
  await settled();
  assert.equal(connection.written.length, 1);
  await server.pass(TCP_IDLE_MS - 1);
  assert(!connection.isClosed);
  await server.pass(1);
  assert(connection.isClosed);
  assert.equal(await end, "idle");
  assert.equal(server.room.size, 0);
});

Deno.test("serveTcp: a question in drops does not win time", async () => {
  const [server, connection] = [new PaperServer(), new PaperConnection()];
  const end = server.serve(connection);
  for (let at = 0; at < 10; at++) {
    connection.give(QUESTION.subarray(at, at + 1));
    await server.pass(TCP_IDLE_MS / 10);
  }
  assert.equal(await end, "idle");
  assert.equal(connection.written.length, 0);
});

Deno.test("serveTcp: an answer that is not taken has the same time", async () => {
  const server = new PaperServer();
  const connection = new class extends PaperConnection {
    readonly #stuck = Promise.withResolvers<void>();
    override write(): Promise<void> {
      return this.#stuck.promise;
    }
    override [Symbol.dispose](): void {
      this.#stuck.reject(new Error("closed"));
      super[Symbol.dispose]();
    }
  }();
  const end = server.serve(connection);
  connection.give(QUESTION);
  await settled();
  await server.pass(TCP_IDLE_MS - 1);
  assert(!connection.isClosed);
  await server.pass(1);
  assert.equal(await end, "idle");
});

Deno.test("serveTcp: questions that are too long or none end the connection", async () => {
  for (const length of [0, 11, TCP_QUERY_BYTES_MAX + 1, 65_535]) {
    const [server, connection] = [new PaperServer(), new PaperConnection()];
    const end = server.serve(connection);
    connection.give(new Uint8Array([length >> 8, length & 255]));
    assert.equal(await end, "malformed");
  }
});

Deno.test("TcpRoom: so many answers in a turn, and all connections have their share", async () => {
  const server = new PaperServer();
  const connections = [new PaperConnection(), new PaperConnection()];
  for (const connection of connections) {
    server.serve(connection);
    for (let count = 0; count < TCP_ANSWERS_PER_TURN_MAX; count++) connection.give(QUESTION);
  }
  await settled();
  const counts = () => connections.map(({ written }) => written.length);
  assert.deepEqual(counts(), [TCP_ANSWERS_PER_TURN_MAX / 2, TCP_ANSWERS_PER_TURN_MAX / 2]);
  await server.turn();
  assert.deepEqual(counts(), [TCP_ANSWERS_PER_TURN_MAX, TCP_ANSWERS_PER_TURN_MAX]);
  await server.turn();
  connections[0]?.give(QUESTION);
  await settled();
  assert.deepEqual(counts(), [TCP_ANSWERS_PER_TURN_MAX + 1, TCP_ANSWERS_PER_TURN_MAX]);
});

Deno.test("TcpRoom: at one more than the limit, the longest without a question goes, of the host with the most", async () => {
  const server = new PaperServer();
  const ends: TcpEnd[] = [];
  const open = (host: string) => {
    const connection = new PaperConnection(host);
    server.serve(connection).then((end) => ends.push(end));
    return connection;
  };
  const honest = [open("10.83.0.1"), open("10.83.0.2")];
  const many = Array.from({ length: TCP_CONNECTIONS_MAX - honest.length }, () => open("10.83.0.3"));
  many[0]?.give(QUESTION);
  await settled();
  assert.deepEqual([server.room.size, ends], [TCP_CONNECTIONS_MAX, []]);
  open("10.83.0.4");
  await settled();
  assert.deepEqual([server.room.size, ends], [TCP_CONNECTIONS_MAX, ["room"]]);
  assert.deepEqual(many.map(({ isClosed }) => isClosed).slice(0, 3), [false, true, false]);
  for (let index = 0; index < 2 * TCP_CONNECTIONS_MAX; index++) open("10.83.0.3");
  await settled();
  assert.equal(server.room.size, TCP_CONNECTIONS_MAX);
  assert(honest.every(({ isClosed }) => !isClosed));
  await server.pass(TCP_IDLE_MS);
  assert.equal(server.room.size, 0);
});
