/**
 * Which Deno versions can serve gRPC.
 *
 * 2.9.4 to 2.9.6 abort the whole process on an nghttp2 assertion when a client that made some calls sends GOAWAY, which
 * every client does when it closes (Deno bug 36788). Before 2.8 the HTTP/2 server that gRPC needs is incomplete.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";

const USE = "Use Deno 2.9.3: npx -y deno@2.9.3, or the weft executable, which contains it.";

/**
 * Refuses a runtime that cannot serve gRPC.
 *
 * @param denoVersion `major.minor.patch`, a suffix such as `-rc.1` is ignored.
 * @throws {ConfigError} Naming the version to use.
 */
export function checkRuntimeVersion(denoVersion: string): void {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(denoVersion);
  if (!match) throw new ConfigError(`Cannot serve gRPC: unknown runtime version "${denoVersion}"`, USE);
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (major < 2 || (major === 2 && minor < 8)) {
    throw new ConfigError(`Cannot serve gRPC on Deno ${denoVersion}: its HTTP/2 server is incomplete before 2.8`, USE);
  }
  if (major === 2 && minor === 9 && patch >= 4 && patch <= 6) {
    throw new ConfigError(
      `Cannot serve gRPC on Deno ${denoVersion}: a client that closes would abort the process`,
      USE,
    );
  }
}
