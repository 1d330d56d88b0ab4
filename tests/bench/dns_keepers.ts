/**
 * Those who keep TCP connections to a DNS server and have no use for them, each in a way of its own.
 *
 * @module
 */
import { delay } from "../../core/io/alarm.ts";
import type { Below } from "../plugins/mesh_dns/malformed.ts";
import { framed, queryBytes } from "../plugins/mesh_dns/paper_mesh.ts";

/** Between two bytes of who sends them one by one. */
const DRIP_MS = 500;
/** Questions of who reads no answer. */
const UNREAD_COUNT = 2_000;
/** One of so many of them goes on until the sockets hold no more answers, which is some ten thousand. */
const ENDLESS_SHARE = 10;
/** So long he stays, if nobody ends it: longer than a server should wait. */
const UNREAD_MS = 15_000;
/** Who is turned away comes back so much later. */
const BACK_MS = 20;
const QUESTION = framed(queryBytes("a.webmesh.internal", "TXT"));

/** What one does with a connection until it is closed, there or here. */
type Keep = (connection: Deno.TcpConn, below: Below, signal: AbortSignal) => Promise<void>;

const KEEPS: Readonly<Record<string, Keep>> = {
  silent: (connection) => untilClosed(connection),
  async halfALength(connection) {
    await connection.write(new Uint8Array([0]));
    await untilClosed(connection);
  },
  async halfAQuestion(connection, below) {
    await connection.write(QUESTION.subarray(0, 2 + below(QUESTION.length - 3)));
    await untilClosed(connection);
  },
  async drips(connection, _below, signal) {
    for (let at = 0;; at++) {
      await connection.write(QUESTION.subarray(at, at + 1));
      await delay(DRIP_MS, signal);
    }
  },
  async asksAndStays(connection) {
    await connection.write(QUESTION);
    await untilClosed(connection);
  },
  async neverReads(connection, below, signal) {
    const questionCount = below(ENDLESS_SHARE) === 0 ? Infinity : UNREAD_COUNT;
    try {
      for (let count = 0; count < questionCount; count++) await connection.write(QUESTION);
    } catch {
      // It was closed there.
    }
    // Not at once again: what he asks costs more than all the others do.
    await delay(UNREAD_MS, signal);
  },
  async tooLong(connection) {
    await connection.write(new Uint8Array([255, 255]));
    await untilClosed(connection);
  },
  async tooShort(connection, below) {
    await connection.write(new Uint8Array([0, below(12), 0]));
    await untilClosed(connection);
  },
  async noise(connection, below) {
    await connection.write(framed(Uint8Array.from({ length: 12 + below(200) }, () => below(256))));
    await untilClosed(connection);
  },
  async leavesWithAnAnswerUnread(connection, _below, signal) {
    await connection.write(QUESTION);
    await delay(DRIP_MS, signal);
  },
};

/** As many as there should be; who loses his connection comes back. */
export class Keepers implements AsyncDisposable {
  readonly #port: number;
  readonly #below: Below;
  readonly #keeping = new Set<Promise<void>>();
  /** Each with what ends its keeper's patience. */
  readonly #open = new Map<Deno.TcpConn, AbortController>();
  #wanted = 0;
  #met = 0;

  constructor(port: number, below: Below) {
    this.#port = port;
    this.#below = below;
  }

  /** Connections so far. */
  get metCount(): number {
    return this.#met;
  }

  /** From now on so many, sooner or later; at once if fewer. */
  set wanted(wanted: number) {
    this.#wanted = wanted;
    for (const connection of [...this.#open.keys()].slice(wanted)) this.#close(connection);
    while (this.#keeping.size < wanted) {
      const keeping = this.#keep().finally(() => this.#keeping.delete(keeping));
      this.#keeping.add(keeping);
    }
  }

  /** Resolves when none is left. */
  async none(): Promise<void> {
    this.wanted = 0;
    await Promise.all(this.#keeping);
  }

  async #keep(): Promise<void> {
    while (this.#keeping.size <= this.#wanted) {
      let connection: Deno.TcpConn | undefined;
      try {
        connection = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
        const over = new AbortController();
        this.#open.set(connection, over);
        this.#met++;
        // There may be fewer wanted by now.
        if (this.#keeping.size > this.#wanted) continue;
        const keeps = Object.values(KEEPS);
        await keeps[this.#below(keeps.length)]?.(connection, this.#below, over.signal);
      } catch {
        // It was closed.
      } finally {
        if (connection) this.#close(connection);
      }
      await delay(BACK_MS);
    }
  }

  #close(connection: Deno.TcpConn): void {
    this.#open.get(connection)?.abort();
    if (this.#open.delete(connection)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.none();
  }
}

async function untilClosed(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await connection.read(buffer) !== null);
}
