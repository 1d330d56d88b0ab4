/**
 * A node with mesh_dns as a process of its own on the first processor, and what it costs.
 *
 * @module
 */
import { delay } from "../../core/io/alarm.ts";
import { startDnsNode } from "../plugins/mesh_dns/dns_node.ts";
import { assert } from "../../core/assert.ts";

/** What the process holds, after its garbage was collected. */
export interface Held {
  readonly heapBytes: number;
  /** What the engine keeps for the heap, free or not. */
  readonly heapRoomBytes: number;
  /** Outside of the heap: buffers. */
  readonly externalBytes: number;
  /** What the C library's allocator has given out and not got back, by all threads: buffers, and all that the runtime holds. */
  readonly allocatedBytes: number;
  /** After the allocator has given back to the system what nobody uses. */
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** What the process says when it is asked: whether mesh_dns runs, its metrics by name and labels, and its heap. */
interface Said {
  readonly plugin: string;
  readonly heapBytes: number;
  readonly heapRoomBytes: number;
  readonly externalBytes: number;
  readonly allocatedBytes: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Fields of `struct mallinfo2`: how many, bytes in mappings of their own, bytes in use of the rest. */
const MALLINFO2_FIELDS = 10;
const MALLINFO2_HBLKHD = 4;
const MALLINFO2_UORDBLKS = 7;
/** Linux counts processor time so often. */
const TICKS_PER_S = 100;

/** See the module. */
export class DnsServed implements AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess, lines: Lines, port: number) {
    this.pid = child.pid;
    this.port = port;
    this.#child = child;
    this.#lines = lines;
    this.#orders = child.stdin.getWriter();
  }

  /** @param options Of mesh_dns. */
  static async start(options: Readonly<Record<string, unknown>> = {}): Promise<DnsServed> {
    const child = new Deno.Command("taskset", {
      args: [
        ...["-c", "0", Deno.execPath(), "run", "-A", "--no-check", "--v8-flags=--expose-gc"],
        ...[import.meta.filename ?? "", JSON.stringify(options)],
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = new Lines(child.stdout);
    return new DnsServed(child, lines, Number(await lines.next()));
  }

  /** Processor time of all threads so far. */
  cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.pid}/stat`);
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_S;
  }

  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.pid}/fd`)].length;
  }

  /** `running`, or what became of mesh_dns. */
  async plugin(): Promise<string> {
    return (await this.#ask()).plugin;
  }

  /** Numbers of mesh_dns' own metrics. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    return (await this.#ask()).counts;
  }

  async held(): Promise<Held> {
    const { heapBytes, heapRoomBytes, externalBytes, allocatedBytes } = await this.#ask();
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    const number = (field: string) => Number(new RegExp(`${field}:\\s+([0-9]+)`).exec(status)?.[1] ?? NaN);
    return {
      heapBytes,
      heapRoomBytes,
      externalBytes,
      allocatedBytes,
      residentBytes: 1024 * number("VmRSS"),
      descriptors: this.descriptors(),
      threads: number("Threads"),
    };
  }

  async #ask(): Promise<Said> {
    await this.#orders.write(new TextEncoder().encode("look\n"));
    return JSON.parse(await this.#lines.next());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#orders.close().catch(() => {});
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** Lines of a stream, when they are there. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The server is gone");
      this.#text += value;
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** The GNU C library's allocator, which the runtime and all buffers use. */
class Allocator implements Disposable {
  readonly #library = Deno.dlopen("libc.so.6", {
    // struct mallinfo2 mallinfo2(void);
    mallinfo2: { parameters: [], result: { struct: Array<"usize">(MALLINFO2_FIELDS).fill("usize") } },
    // int malloc_trim(size_t pad);
    malloc_trim: { parameters: ["usize"], result: "i32" },
  });

  /** Gives what is free back to the system. @returns Bytes in use, of all arenas and mappings. */
  trimmed(): number {
    this.#library.symbols.malloc_trim(0n);
    const fields = new BigUint64Array(this.#library.symbols.mallinfo2().buffer);
    return Number((fields[MALLINFO2_HBLKHD] ?? 0n) + (fields[MALLINFO2_UORDBLKS] ?? 0n));
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/** The child: says its port, then what it holds at each line, until its input ends. */
async function serve(options: Readonly<Record<string, unknown>>): Promise<void> {
  using allocator = new Allocator();
  const { node, port } = await startDnsNode(options);
  await using _node = node;
  console.log(port);
  const orders = new Lines(Deno.stdin.readable);
  for (;;) {
    try {
      await orders.next();
    } catch {
      return;
    }
    const families = await node.plugins.metrics.collect();
    const counts = Object.fromEntries(
      families.filter(({ name }) => name.startsWith("mesh_dns_")).flatMap(({ name, series }) =>
        series.map(({ labelValues, value }) => [[name.slice("mesh_dns_".length), ...labelValues].join(" "), value])
      ),
    );
    // Twice: what a finaliser lets go of is gone after the second time.
    for (let round = 0; round < 2; round++) {
      collectGarbage();
      await delay(50);
    }
    const { heapUsed, heapTotal, external } = Deno.memoryUsage();
    const allocatedBytes = allocator.trimmed();
    const { phase, reason } = node.plugins.list().find(({ name }) => name === "mesh_dns") ?? {};
    const plugin = `${phase}${reason ? `: ${reason}` : ""}`;
    const heap = { heapBytes: heapUsed, heapRoomBytes: heapTotal, externalBytes: external };
    console.log(JSON.stringify({ plugin, ...heap, allocatedBytes, counts } satisfies Said));
  }
}

/**
 * Collects all garbage. As the last resort, for only then the engine gives back the pages that it keeps for new objects: after much
 * garbage, 250 MiB and more.
 */
function collectGarbage(): void {
  const { gc } = globalThis as { gc?: (how: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void };
  assert(gc !== undefined, "--expose-gc");
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}

if (import.meta.main) await serve(JSON.parse(Deno.args[0] ?? "{}"));
