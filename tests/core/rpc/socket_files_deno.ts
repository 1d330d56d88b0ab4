/**
 * {@linkcode SocketFiles} on the real file system.
 *
 * @module
 */
import type { SocketFiles, SocketFileState } from "../../../core/rpc/socket_files.ts";

/** See the module. */
export const socketFiles: SocketFiles = {
  async probe(path: string): Promise<SocketFileState> {
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
  remove: (path) => Deno.remove(path),
  restrict: (path) => Deno.chmod(path, 0o600),
};
