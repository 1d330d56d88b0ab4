import { strict as assert } from "node:assert";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { LinkMonitor, type LinkState } from "../../../core/io/link_monitor_linux.ts";
import { TunLinux } from "../../../core/io/tun_linux.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { PrivateNetwork, run, whyNoPrivateNetwork } from "./private_network.ts";

const ignore = whyNoPrivateNetwork() !== undefined;
const DEADLINE_MS = 10_000;

interface Fixture extends AsyncDisposable {
  readonly states: (LinkState | undefined)[];
  /** Waits until the monitor has told of this. */
  told(state: Partial<LinkState> | undefined): Promise<void>;
}

/** A TUN device `weft0` in a namespace of its own, and a monitor of it. */
async function fixture(): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  stack.use(new PrivateNetwork());
  const libc = stack.use(Libc.open());
  const tun = stack.use(TunLinux.create(libc, "weft0"));
  const states: (LinkState | undefined)[] = [];
  stack.use(LinkMonitor.open(libc, tun.fd, (state) => states.push(state)));
  const owned = stack.move();
  const told = async (wanted: Partial<LinkState> | undefined) => {
    await eventually(`news of ${JSON.stringify(wanted)} after ${JSON.stringify(states)}`, () => {
      const state = states.at(-1);
      return wanted && state
        ? Object.entries(wanted).every(([key, value]) => Object(state)[key] === value)
        : wanted === state;
    }, DEADLINE_MS);
  };
  return { states, told, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}

Deno.test("LinkMonitor: tells the state at once, and each one that differs", { ignore }, async () => {
  await using monitor = await fixture();
  assert.deepEqual(monitor.states, [{ name: "weft0", isUp: false, mtu: 1500 }]);
  run("ip", "link", "set", "weft0", "up");
  await monitor.told({ isUp: true });
  run("ip", "link", "set", "weft0", "mtu", "1280");
  await monitor.told({ isUp: true, mtu: 1280 });
  run("ip", "address", "add", "10.0.0.1/24", "dev", "weft0");
  run("ip", "link", "set", "weft0", "down");
  await monitor.told({ isUp: false });
  run("ip", "link", "set", "weft0", "name", "other0");
  await monitor.told({ name: "other0", isUp: false });
  assert.equal(monitor.states.length, 5, "an address is none of its business");
});

Deno.test("LinkMonitor: a deleted interface is told once, and is the end", { ignore }, async () => {
  await using monitor = await fixture();
  run("ip", "link", "delete", "weft0");
  await monitor.told(undefined);
  run("ip", "link", "set", "lo", "up");
  run("ip", "link", "add", "weft0", "type", "bridge");
  assert.equal(monitor.states.length, 2);
});

Deno.test("LinkMonitor: follows the interface into another namespace, and to its end there", { ignore }, async () => {
  const elsewhere = `weft-monitor-${Deno.pid}`;
  run("ip", "netns", "add", elsewhere);
  try {
    await using monitor = await fixture();
    run("ip", "link", "set", "weft0", "netns", elsewhere);
    run("ip", "link", "add", "weft0", "type", "bridge");
    run("ip", "link", "set", "weft0", "up");
    run("ip", "-n", elsewhere, "link", "set", "weft0", "mtu", "1300", "up");
    await monitor.told({ isUp: true, mtu: 1300 });
    run("ip", "link", "delete", "weft0");
    run("ip", "-n", elsewhere, "link", "set", "weft0", "down");
    await monitor.told({ isUp: false, mtu: 1300 });
    run("ip", "-n", elsewhere, "link", "delete", "weft0");
    await monitor.told(undefined);
    assert.ok(monitor.states.every((state) => state === undefined || !state.isUp || state.mtu === 1300));
  } finally {
    run("ip", "netns", "delete", elsewhere);
  }
});
