/**
 * Runs `grpc_caller.py`: a gRPC client in a process of its own, which makes as many calls as it is told to.
 *
 * @module
 */
import { assert } from "../../core/assert.ts";
import { pythonWithGrpc } from "./lab/requirements.ts";

const SCRIPT = new URL("./grpc_caller.py", import.meta.url).pathname;

/** Where a channel leads and what it shows there. */
export interface ChannelOptions {
  /** `host:port` or `unix:PATH`. */
  readonly target: string;
  /** PEM; plaintext without. */
  readonly ca?: string;
  /** The client's certificate, PEM. */
  readonly cert?: string;
  readonly key?: string;
}

/** One call; `grpc_caller.py` says what its fields mean. */
export interface PythonCall {
  readonly channel: string;
  readonly service: string;
  readonly method: string;
  readonly request?: object;
  readonly raw?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly seconds?: number;
  readonly take?: number;
  readonly at_once?: number;
}

/** What a call came to. */
export interface PythonAnswer {
  /** The status code's name. */
  readonly code: string;
  readonly details: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  /** Protobuf JSON with the names of the `.proto` files; base64 of what was called with bytes. */
  readonly responses: readonly Readonly<Record<string, unknown>>[];
  /** Of calls at the same time: all codes, each with details that came with it. */
  readonly said?: Readonly<Record<string, string>>;
}

/** How a method is called. */
export type MethodKind = "unary" | "server" | "client" | "bidi";

/** Methods and their kinds by service, as reflection tells. */
export type Reflected = Readonly<Record<string, Readonly<Record<string, MethodKind>>>>;

/** A running client. */
export class GrpcCaller implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor() {
    const python = pythonWithGrpc();
    assert(python !== undefined, "Tests without it are skipped");
    this.#child = new Deno.Command(python, { args: [SCRIPT], stdin: "piped", stdout: "piped" }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Makes channels, in place of those of the same names. */
  async open(channels: Readonly<Record<string, ChannelOptions>>): Promise<void> {
    await this.#ask({ open: channels });
  }

  /** Makes calls, one after the other unless told otherwise. */
  async call(calls: readonly PythonCall[], { together = false } = {}): Promise<readonly PythonAnswer[]> {
    const { results } = await this.#ask({ calls, together }) as { results: PythonAnswer[] };
    return results;
  }

  /** What both versions of reflection list on a channel. */
  async reflect(channel: string): Promise<{ readonly v1: Reflected; readonly v1alpha: Reflected }> {
    return await this.#ask({ reflect: channel }) as { v1: Reflected; v1alpha: Reflected };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#child.status;
  }

  async #ask(question: object): Promise<unknown> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return JSON.parse(line);
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The Python client has ended");
      this.#text += value;
    }
  }
}
