import { strict as assert } from "node:assert";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { NetworkWatch } from "../../../core/io/network_watch_linux.ts";
import { mustRun } from "../../e2e/lab/command.ts";
import { within } from "../../e2e/lab/eventually.ts";
import { PrivateNetwork, run, whyNoPrivateNetwork } from "./private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;
const DEADLINE_MS = 20_000;

/** Counts changes, and waits for the next one. */
class Counter {
  count = 0;
  #next = Promise.withResolvers<void>();

  readonly add = (): void => {
    this.count++;
    this.#next.resolve();
  };

  async changedBy(what: string, change: () => void): Promise<void> {
    this.#next = Promise.withResolvers<void>();
    change();
    await within(what, this.#next.promise, DEADLINE_MS);
  }
}

Deno.test({
  name: "NetworkWatch: tells of interfaces, addresses and routes, and not of its own interface",
  ignore,
  async fn() {
    using _private = new PrivateNetwork();
    using libc = Libc.open();
    // IPv6 gives itself addresses, and tells of it seconds later.
    run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    run("ip", "link", "add", "own0", "type", "veth", "peer", "name", "own1");
    run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1");
    run("ip", "link", "set", "lan1", "up");
    const own = JSON.parse(run("ip", "-j", "link", "show", "own0"))[0].ifindex;
    const counter = new Counter();
    await using _watch = NetworkWatch.open(libc, own, counter.add);
    await counter.changedBy("an interface that is up", () => void run("ip", "link", "set", "lan0", "up"));
    await counter.changedBy("an address", () => void run("ip", "addr", "add", "192.0.2.1/24", "dev", "lan0"));
    await counter.changedBy("a route", () => void run("ip", "route", "add", "default", "via", "192.0.2.9"));
    await counter.changedBy("an MTU", () => void run("ip", "link", "set", "lan0", "mtu", "1300"));
    const before = counter.count;
    run("ip", "link", "set", "own0", "alias", "something");
    await counter.changedBy("a route that goes", () => void run("ip", "route", "del", "default"));
    assert.equal(counter.count, before + 1, "and nothing of its own interface");
    await counter.changedBy("an interface that goes", () => void run("ip", "link", "del", "lan0"));
  },
});

Deno.test("NetworkWatch: ends at once when nothing happens, and leaves no descriptor", async () => {
  const script = new URL("./network_watch_descriptors.ts", import.meta.url).pathname;
  const output = await mustRun([Deno.execPath(), "run", "-A", "--no-check", "--quiet", script], {
    deadlineMs: DEADLINE_MS,
  });
  const [before, meanwhile, after] = JSON.parse(output) as [number, number, number];
  assert.equal(meanwhile, before + 3);
  assert.equal(after, before);
});
