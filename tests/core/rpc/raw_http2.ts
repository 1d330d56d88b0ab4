/**
 * A gRPC caller without manners: it sends what it is told to, where a library would refuse.
 *
 * @module
 */
import { once } from "node:events";
import { connect } from "node:http2";

/** What a call without manners consists of. */
export interface RawCall {
  readonly path: string;
  /** In addition to the usual ones, or in place of them; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** All that follows the headers: messages with their five bytes in front, or anything else. */
  readonly body: Uint8Array;
}

/** One message as gRPC frames it: a flag for compression, the length, the bytes. */
export function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, 5);
  return frame;
}

/** Makes a call to the plaintext `address`. Returns its status, in `code`, or what HTTP said instead, in `http`. */
export async function rawCall(
  address: string,
  call: RawCall,
): Promise<{ code?: number; details?: string; http?: number }> {
  const session = connect(`http://${address}`);
  // The server may hang up in the middle of anything.
  session.on("error", () => {});
  try {
    const usual = { ":method": "POST", ":path": call.path, "content-type": "application/grpc", "te": "trailers" };
    const stream = session.request({ ...usual, ...call.headers });
    const ended = Promise.withResolvers<void>();
    const seen: Record<string, unknown> = {};
    stream.on("response", (headers) => Object.assign(seen, headers));
    stream.on("trailers", (headers) => Object.assign(seen, headers));
    stream.on("error", () => {});
    stream.on("close", () => ended.resolve());
    stream.resume();
    stream.end(call.body);
    await ended.promise;
    if (seen["grpc-status"] === undefined) return { http: Number(seen[":status"] ?? 0) };
    return { code: Number(seen["grpc-status"]), details: decodeURI(String(seen["grpc-message"] ?? "")) };
  } finally {
    session.destroy();
    if (!session.closed) await once(session, "close").catch(() => {});
  }
}
