/**
 * A gRPC caller without manners: it sends what it is told to, where a library would refuse.
 *
 * @module
 */
import { once } from "node:events";
import { connect } from "node:http2";
import { errorOf } from "../../../core/rpc/status.ts";

/** Calls `path` with one message of `messageBytes` zero bytes; rejects with the status unless that is OK. */
export async function rawCall(address: string, path: string, messageBytes: number): Promise<void> {
  const session = connect(`http://${address}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      "te": "trailers",
    });
    const frame = new Uint8Array(5 + messageBytes);
    new DataView(frame.buffer).setUint32(1, messageBytes);
    // The server may hang up in the middle of it.
    stream.on("error", () => {});
    stream.end(frame);
    const [headers] = await once(stream, "response");
    const code = Number(headers["grpc-status"] ?? 0);
    if (code !== 0) throw errorOf(code, decodeURI(String(headers["grpc-message"])), new Map());
  } finally {
    session.destroy();
    await once(session, "close").catch(() => {});
  }
}
