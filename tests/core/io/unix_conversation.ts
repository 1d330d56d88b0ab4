/**
 * A conversation over a Unix socket of `node:net`, for tests of what is left of it; also run by itself, under strace.
 *
 * @module
 */
import { connect } from "node:net";
import { closeOnce, UnixStreamListener } from "../../../core/io/unix_stream.ts";

/** One connection, closed from `first`'s side; what the client hears. */
export async function converse(first: "client" | "server"): Promise<string> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/socket`;
  try {
    await using _listener = await UnixStreamListener.open(path, (socket) => {
      socket.on("data", (question) => first === "server" ? socket.end(question) : socket.write(question));
      socket.on("end", () => socket.end());
    });
    const socket = connect({ path });
    let heard = "";
    await new Promise((resolve) => {
      socket.on("connect", () => {
        closeOnce(socket);
        socket.write("hello");
      });
      socket.on("data", (answer) => {
        heard += answer;
        if (first === "client") socket.end();
      });
      socket.on("close", resolve);
    });
    return heard;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
