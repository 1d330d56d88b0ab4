/**
 * A listening Unix socket that only its owner may connect to, in a directory of its owner's (unix(7)). Its file is replaced
 * if a dead process left it, removed at the end, and missed when somebody else removes it.
 *
 * @module
 */
import { ConfigError, MeshError } from "../plugin/errors.ts";
import { delay } from "./alarm.ts";
import { socketFiles } from "./socket_files.ts";

const DIRECTORY_MODE = 0o700;
/** Owner may read and write, which is what connecting needs. */
const SOCKET_MODE = 0o600;
/** Descriptors may have run out: the next attempt to accept is this much later. */
const ACCEPT_AGAIN_MS = 100;

/** One connection. */
export interface UnixConnection extends Disposable {
  /** Fills `into` from the start; `null` at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Returns how much of `bytes` went out. */
  write(bytes: Uint8Array): Promise<number>;
}

/** See the module. */
export class UnixListener implements AsyncDisposable {
  readonly path: string;
  readonly #listener: Deno.UnixListener;
  readonly #inode: number | null;
  readonly #watcher: Deno.FsWatcher;
  readonly #watching: Promise<void>;
  readonly #removed = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  private constructor(path: string, listener: Deno.UnixListener, watcher: Deno.FsWatcher) {
    this.path = path;
    this.#listener = listener;
    this.#watcher = watcher;
    this.#inode = inodeOf(path) ?? null;
    this.#watching = this.#watch();
  }

  /**
   * Makes the directory if there is none, and listens.
   *
   * @throws {ConfigError} If another program listens there, or the path is something else than a socket.
   * @throws {MeshError} `permission-denied` if this process may not.
   */
  static async open(path: string): Promise<UnixListener> {
    try {
      await Deno.mkdir(directoryOf(path), { recursive: true, mode: DIRECTORY_MODE });
      await makeWay(path);
      return UnixListener.#listen(path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) throw taken(path);
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      throw new MeshError("permission-denied", `Cannot listen on "${path}": ${error.message}`, {
        hint: "Run as root.",
        cause: error,
      });
    }
  }

  /** Resolves when somebody else removed or replaced the file: nobody can connect any more. */
  get removed(): Promise<void> {
    return this.#removed.promise;
  }

  /** The next connection; `undefined` once the listener is disposed. */
  async accept(): Promise<UnixConnection | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await this.#listener.accept();
      } catch {
        await delay(ACCEPT_AGAIN_MS, signal).catch(() => {});
      }
    }
    return undefined;
  }

  /** Stops listening, and removes the file unless it is somebody else's by now. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#watcher.close();
    this.#listener.close();
    await this.#watching;
    if (this.#isOurs()) await Deno.remove(this.path);
  }

  /**
   * The socket is bound under another name and linked to its own when it is its owner's alone. Besides, the runtime removes
   * what bears the name it was bound under when it closes the socket, whoever made that.
   */
  static #listen(path: string): UnixListener {
    using stack = new DisposableStack();
    const watcher = stack.adopt(Deno.watchFs(directoryOf(path), { recursive: false }), (watcher) => watcher.close());
    const birthName = `${path}.${Deno.pid}`;
    const listener = stack.adopt(Deno.listen({ transport: "unix", path: birthName }), (listener) => listener.close());
    try {
      Deno.chmodSync(birthName, SOCKET_MODE);
      // Unlike a rename, a link does not replace: of two processes the first wins.
      Deno.linkSync(birthName, path);
    } finally {
      Deno.removeSync(birthName);
    }
    stack.move();
    return new UnixListener(path, listener, watcher);
  }

  async #watch(): Promise<void> {
    for await (const _event of this.#watcher) if (!this.#isOurs()) this.#removed.resolve();
  }

  #isOurs(): boolean {
    return inodeOf(this.path) === this.#inode;
  }
}

async function makeWay(path: string): Promise<void> {
  switch (await socketFiles.probe(path)) {
    case "live":
      throw taken(path);
    case "other":
      throw new ConfigError(
        `Cannot listen on "${path}": it is no socket`,
        "Remove it, or choose another interface name.",
      );
    case "stale":
      return await socketFiles.remove(path);
    case "absent":
      return;
  }
}

function taken(path: string): ConfigError {
  return new ConfigError(`Another program listens on "${path}"`, "Stop it, or choose another interface name.");
}

function inodeOf(path: string): number | null | undefined {
  try {
    return Deno.lstatSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1) || ".";
}
