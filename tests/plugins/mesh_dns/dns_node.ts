/**
 * A whole node with mesh_dns on a port of its own, and dig and its like beside it.
 *
 * @module
 */
import type { NodeConfig } from "../../../core/node/config.ts";
import type { DnsOffer } from "../../../core/plugin/dns.ts";
import type { Host } from "../../../core/plugin/host.ts";
import type { Resolver, ResolverRoute } from "../../../core/plugin/resolver.ts";
import { meshDns } from "../../../plugins/mesh_dns/mod.ts";
import { assert } from "../../../core/assert.ts";
import { planned, PluginNode } from "../../core/node/plugin_node.ts";

/**
 * Starts a node "a" in a mesh of its own, whose domain is webmesh.internal.
 *
 * @param resolver In place of the host's.
 */
export async function startDnsNode(
  options: Readonly<Record<string, unknown>> = {},
  offers: readonly DnsOffer[] = [],
  more: Partial<NodeConfig> = {},
  resolver: Resolver | undefined = undefined,
): Promise<{ readonly node: PluginNode; readonly port: number }> {
  const offering = planned({
    name: "offering",
    needs: ["dns"],
    start: ({ dns }) => {
      dns.offer(offers);
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  });
  const { name, feature, needs } = meshDns;
  assert(feature !== undefined, "MESH_DNS");
  const configured = meshDns.configure({ listen: "127.0.0.1:0", ...options });
  const start = (host: Host, signal: AbortSignal) => configured(resolver ? { ...host, resolver } : host, signal);
  const node = await PluginNode.start([offering, planned({ name, feature, needs, start })], more);
  const answers = node.log.lines.find(({ message }) => message === "answers");
  if (!answers) {
    const why = JSON.stringify(node.plugins.list());
    await node[Symbol.asyncDispose]();
    throw new Error(`mesh_dns is not up: ${why}`);
  }
  return { node, port: Number(answers.fields["port"]) };
}

/** A resolver that remembers what it was told, as text. */
export class PaperResolver implements Resolver {
  readonly #told = Promise.withResolvers<string>();

  /** The servers of the first route. */
  get told(): Promise<string> {
    return this.#told.promise;
  }

  route({ servers }: ResolverRoute): Promise<void> {
    this.#told.resolve(servers.map(({ host, port }) => port > 0 ? host : "no port").join(" "));
    return Promise.resolve();
  }

  restore(): Promise<void> {
    return Promise.resolve();
  }
}

/** Runs a program; returns what it said. */
export async function say(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

/** True if the program is there; says so if not. */
export function has(program: string, testFile: string): boolean {
  const isThere = ["/usr/bin", "/usr/local/bin", "/bin"].some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
  if (!isThere) console.log(`${testFile}: skipped what needs ${program}: it is not installed`);
  return isThere;
}
