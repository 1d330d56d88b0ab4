/**
 * Unix sockets of `node:net`, which is what libraries for Node.js take, with descriptors that are closed once.
 *
 * The runtime (Deno 2.9.3) closes the descriptor of such a socket twice: with the stream that owns it, and again by its
 * number, which by then may be a file that another thread has just opened. So each gets a second descriptor of the same
 * socket, of which the runtime remembers the number: then there are two to close, each closed once.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import { openLibc } from "./libc_ffi.ts";

const F_DUPFD_CLOEXEC = 1030;
/** Not one of the three that every program has. */
const LOWEST_DESCRIPTOR = 3;

/** What the runtime keeps of a Unix socket; a TCP socket has one that is closed once. */
interface PipeHandle {
  readonly fd: number;
  /** Remembers another descriptor. Returns 0, or a negative error number. */
  open(fd: number): number;
}

/** A Unix socket that listens; disposing it closes the socket and removes its file, but leaves connections alone. */
export class UnixStreamListener implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Listens on `path`, which must not exist, and passes on every connection.
   *
   * @throws {Error} With the system's error code in its message.
   */
  static async open(path: string, onConnection: (socket: Socket) => void): Promise<UnixStreamListener> {
    // Half-open, because HTTP/2 decides itself when it has said everything.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      closeOnce(socket);
      onConnection(socket);
    });
    const listening = Promise.withResolvers<void>();
    server.once("error", listening.reject);
    server.listen(path, listening.resolve);
    await listening.promise;
    server.off("error", listening.reject);
    closeOnce(server);
    return new UnixStreamListener(server);
  }

  /** Resolves when all connections are closed too. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Lets the runtime close what belongs to this Unix socket, connected or listening, and nothing else. Once per socket. */
export function closeOnce(socket: Socket | Server): void {
  const handle: unknown = Reflect.get(socket, "_handle");
  // Closed already, by either side.
  if (!isPipeHandle(handle) || handle.fd < 0) return;
  const libc = openLibc({
    // int fcntl(int fd, int op, int arg);
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    // int close(int fd);
    close: { parameters: ["i32"], result: "i32" },
  });
  const second = libc.symbols.fcntl(handle.fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
  // Out of descriptors, then: nobody can have opened one in between either.
  if (second >= 0 && handle.open(second) !== 0) libc.symbols.close(second);
  libc.close();
}

function isPipeHandle(handle: unknown): handle is PipeHandle {
  return typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number" &&
    "open" in handle && typeof handle.open === "function";
}
