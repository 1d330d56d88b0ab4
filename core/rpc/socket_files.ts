/**
 * The file of a Unix socket as the server sees it: types only.
 *
 * @module
 */

/**
 * What a path holds. `live`: a socket that somebody accepts connections on. `stale`: a socket whose process is gone.
 * `other`: anything else.
 */
export type SocketFileState = "absent" | "live" | "stale" | "other";

/** File operations around a listening Unix socket. */
export interface SocketFiles {
  /** Looks at `path`, and tries to connect if a socket is there. */
  probe(path: string): Promise<SocketFileState>;
  /** Removes the file at `path`. */
  remove(path: string): Promise<void>;
  /** Gives the socket mode 0600. */
  restrict(path: string): Promise<void>;
}
