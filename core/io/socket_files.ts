/**
 * The file of a listening Unix socket: is somebody there, may it be replaced, who may use it (unix(7)). Fits `SocketFiles` of
 * `core/rpc/socket_files.ts`.
 *
 * @module
 */

/** Owner may read and write, which is what connecting needs. */
const SOCKET_MODE = 0o600;

/** File operations on the host's file system. */
export const socketFiles = {
  /** Looks at `path`, and tries to connect if a socket is there. */
  async probe(path: string): Promise<"absent" | "live" | "stale" | "other"> {
    try {
      if (!(await Deno.lstat(path)).isSocket) return "other";
      (await Deno.connect({ transport: "unix", path })).close();
      return "live";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "absent";
      if (error instanceof Deno.errors.ConnectionRefused) return "stale";
      throw error;
    }
  },
  /** Removes the file at `path`. */
  remove: (path: string): Promise<void> => Deno.remove(path),
  /** Gives the socket mode 0600. */
  restrict: (path: string): Promise<void> => Deno.chmod(path, SOCKET_MODE),
};
