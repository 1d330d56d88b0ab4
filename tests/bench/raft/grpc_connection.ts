/**
 * A gRPC client for benchmarks: unary calls with small messages over one plaintext HTTP/2 connection, messages as bytes.
 *
 * It leaves out what a library adds for each call (interceptors, metadata, retries, deadlines), which would be more than
 * some of the servers cost that are measured.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";

const PREFIX_BYTES = 5;
const EMPTY = new Uint8Array();

/** One connection. */
export class GrpcConnection implements Disposable {
  readonly #session: ClientHttp2Session;

  /** @param target `host:port`. */
  constructor(target: string) {
    this.#session = connect(`http://${target}`, { settings: { enablePush: false } });
    // Calls that are under way are told by their own streams.
    this.#session.on("error", () => {});
  }

  /** Makes a call. Resolves with the one message of the answer. */
  call(path: string, message: Uint8Array): Promise<Uint8Array> {
    const framed = new Uint8Array(PREFIX_BYTES + message.length);
    new DataView(framed.buffer).setUint32(1, message.length);
    framed.set(message, PREFIX_BYTES);
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        "te": "trailers",
      });
      let answer: Uint8Array = EMPTY;
      let end: IncomingHttpHeaders = {};
      const heard = (headers: IncomingHttpHeaders) => {
        if (headers["grpc-status"] !== undefined) end = headers;
      };
      stream.on("response", heard);
      stream.on("trailers", heard);
      stream.on("data", (bytes: Buffer) => answer = answer.length === 0 ? bytes : joined(answer, bytes));
      stream.on("error", reject);
      stream.on("end", () => {
        if (end["grpc-status"] === "0") resolve(answer.subarray(PREFIX_BYTES));
        else reject(new Error(`Status ${end["grpc-status"]}: ${end["grpc-message"]}`));
      });
      stream.end(framed);
    });
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
