/**
 * A program that is nothing but a tunnel: opens a device, starts the data plane with the peers it is told, and runs until
 * SIGTERM. For benchmarks and for tests of the data plane between namespaces.
 *
 * Its one argument is a {@linkcode DeviceMainConfig} as JSON. It prints `ready <port>` when packets flow, and `status
 * <json>` for each SIGUSR2; its log goes to standard error.
 *
 * @module
 */
import { startDataPlane } from "../../core/dataplane/data_plane.ts";
import { openHostDevice } from "../../core/dataplane/host_device.ts";
import type { TunnelPeer } from "../../core/dataplane/messages.ts";
import { Prefix } from "../../core/ip/prefix.ts";
import { PrivateKey } from "../../core/keys/private_key.ts";
import type { Log, LogFields, LogLevel } from "../../core/seams/log.ts";

/** What the program is told. */
export interface DeviceMainConfig {
  readonly interfaceName: string;
  readonly mtu: number;
  readonly listenPort: number;
  /** Base64. */
  readonly privateKey: string;
  /** In CIDR notation. */
  readonly addresses: readonly string[];
  /** In CIDR notation. */
  readonly routes: readonly string[];
  readonly peers: readonly TunnelPeer[];
  /** Instead of the program's own worker. */
  readonly workerUrl?: string;
}

function stderrLog(component: string): Log {
  const write = (level: LogLevel, message: string, fields: LogFields = {}) =>
    console.error(JSON.stringify({ level, component, message, ...fields }));
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    child: stderrLog,
  };
}

function prefixes(texts: readonly string[]): Prefix[] {
  return texts.map((text) => {
    const prefix = Prefix.parse(text);
    if (prefix === undefined) throw new Error(`Not a prefix: "${text}"`);
    return prefix;
  });
}

/** Opens everything, waits for SIGTERM, closes everything. */
async function main(config: DeviceMainConfig): Promise<void> {
  const log = stderrLog("device");
  const privateKey = PrivateKey.fromBase64(config.privateKey);
  if (privateKey === undefined) throw new Error("Not a private key");
  using device = openHostDevice(config, log);
  device.applyAddresses({ addresses: prefixes(config.addresses), routes: prefixes(config.routes) });
  await using plane = await startDataPlane({
    device,
    privateKey,
    log,
    ...(config.workerUrl !== undefined && { workerUrl: new URL(config.workerUrl) }),
  });
  plane.replacePeers(config.peers);
  const tellStatus = () =>
    plane.status().then(
      (status) => console.log(`status ${JSON.stringify(status)}`),
      (error) => console.log(`no status: ${error.message}`),
    );
  Deno.addSignalListener("SIGUSR2", tellStatus);
  const stop = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGTERM", stop.resolve);
  console.log(`ready ${device.listenPort}`);
  await stop.promise;
  Deno.removeSignalListener("SIGUSR2", tellStatus);
  Deno.removeSignalListener("SIGTERM", stop.resolve);
}

if (import.meta.main) {
  try {
    await main(JSON.parse(Deno.args[0] ?? "{}") as DeviceMainConfig);
  } catch (error) {
    console.error(error);
    Deno.exit(1);
  }
}
