/**
 * One member of the benchmarked mesh: `deno run -A member_main.ts '<MemberConfig as JSON>'`.
 *
 * A whole node without a TUN interface, with the benchmark's plugin. Says `ready` when it has its place in the mesh, and
 * stops at SIGTERM.
 *
 * @module
 */
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { createLog } from "../../../core/io/stderr_log.ts";
import { openNode } from "../../../core/node/node.ts";
import { builtIn, planPlugins } from "../../../core/node/plugin_setup.ts";
import { PaperTunnels } from "../../twins/paper_tunnel.ts";
import { kvPlugin } from "./kv_service.ts";

/** Which member, and where. */
export interface MemberConfig {
  readonly nodeId: string;
  readonly dataDir: string;
  readonly grpcPort: number;
  readonly raftPort: number;
  /** gRPC port of a member to join; none for the first. */
  readonly joinPort: number | undefined;
}

const HOST = "127.0.0.1";

async function main({ nodeId, dataDir, grpcPort, raftPort, joinPort }: MemberConfig): Promise<void> {
  const loopback = IpAddress.parse(HOST);
  const network = Prefix.parse("10.83.0.0/29");
  if (!loopback || !network) throw new Error("Constants parse");
  const plan = planPlugins(builtIn([kvPlugin]), { features: [], disabled: [], sections: [], environment: {} });
  await using _node = await openNode(
    {
      origin: joinPort === undefined
        ? { kind: "bootstrap" }
        : { kind: "join", servers: [{ host: HOST, port: joinPort }] },
      asVoter: true,
      nodeId,
      dataDir,
      inMemory: false,
      primaryEndpoint: loopback,
      endpoints: [],
      ipv4Network: network,
      ipv4: true,
      ipv6: true,
      grpcListen: { host: HOST, port: grpcPort },
      raftListen: { host: HOST, port: raftPort },
      wireguardListenPort: 51820,
      interfaceName: "paper0",
      mtu: 1420,
      tls: { kind: "insecure" },
      features: ["nodes"],
      logLevel: "warn",
      logFormat: "text",
    },
    createLog({ level: "warn", format: "text", color: false, write: (line) => console.error(line.trimEnd()) }),
    new AbortController().signal,
    new PaperTunnels().open,
    plan,
  );
  const stop = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGTERM", stop.resolve);
  console.log("ready");
  await stop.promise;
  Deno.removeSignalListener("SIGTERM", stop.resolve);
}

await main(JSON.parse(Deno.args[0] ?? ""));
