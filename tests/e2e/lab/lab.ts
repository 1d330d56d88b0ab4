/**
 * A network of machines on this one: namespaces on bridges, made for one test and gone with it.
 *
 * Every name starts with `weft-<pid>-`. What a killed run left behind is removed when the next lab is made.
 *
 * @module
 */
import { run } from "./command.ts";
import { Host, removeNamespace } from "./host.ts";
import { Network, type Prefixes } from "./network.ts";
import { Reaper } from "./reaper.ts";

/** The prefixes of the first network (RFC 5737, RFC 3849); hosts count from 1. */
export const INTERNET_PREFIXES: Prefixes = { ipv4: "192.0.2.", ipv6: "2001:db8:0:1::" };

/** Tells apart the files that one process tests at the same time, each with a count of its own. */
const FILE_TAG = crypto.randomUUID().slice(0, 6);

let labCount = 0;

/** Owns its hosts and networks. `await using lab = await Lab.create()`. */
export class Lab implements AsyncDisposable {
  /** The network that hosts are on if nothing else is said. */
  readonly internet: Network;
  readonly #prefix: string;
  readonly #hub: Host;
  readonly #owned: AsyncDisposableStack;
  #networkCount = 1;

  private constructor(prefix: string, hub: Host, internet: Network, owned: AsyncDisposableStack) {
    this.#prefix = prefix;
    this.#hub = hub;
    this.internet = internet;
    this.#owned = owned;
  }

  /** An empty lab: one bridge, no hosts. Needs root and iproute2. */
  static async create(): Promise<Lab> {
    await removeStale();
    const prefix = `weft-${Deno.pid}-${FILE_TAG}-${++labCount}-`;
    await using owned = new AsyncDisposableStack();
    owned.use(new Reaper(prefix));
    const hub = owned.use(await Host.create("hub", prefix + "hub"));
    const internet = await Network.create(hub, "br0", INTERNET_PREFIXES);
    return new Lab(prefix, hub, internet, owned.move());
  }

  /** A new machine on `networks`, `eth0` on the first; on none of them if the list is empty. */
  async host(name: string, networks: readonly Network[] = [this.internet]): Promise<Host> {
    const host = this.#owned.use(await Host.create(name, this.#prefix + name));
    for (const network of networks) await network.attach(host);
    return host;
  }

  /** Another network, not connected to the first unless a host is on both and forwards. */
  async network(prefixes: Prefixes): Promise<Network> {
    return await Network.create(this.#hub, `br${this.#networkCount++}`, prefixes);
  }

  /** Removes everything, the newest host first. Goes on when one removal fails, and then throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** Removes namespaces of labs whose process is gone. */
export async function removeStale(): Promise<void> {
  const { stdout } = await run(["ip", "netns", "list"]);
  for (const [namespace, pid] of stdout.matchAll(/^weft-(\d+)-\S+/gm)) {
    if (pid !== undefined && !isRunning(pid)) await removeNamespace(namespace);
  }
}

function isRunning(pid: string): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
