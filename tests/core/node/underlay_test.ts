import assert from "node:assert/strict";
import { MeshError } from "../../../core/plugin/errors.ts";
import { LOOKED_AT_PEERS_MAX, REST_MS, SETTLE_MS, Underlay, type UnderlayParts } from "../../../core/node/underlay.ts";
import type { HostAddress } from "../../../core/io/host_network_linux.ts";
import type { WatchedChange } from "../../../core/io/network_watch_linux.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { ManualClock } from "../../twins/manual_clock.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

const DEADLINE_MS = 5_000;

function addressOf(text: string): IpAddress {
  const address = IpAddress.parse(text);
  assert.ok(address);
  return address;
}

function hostAddress(text: string, part: Partial<HostAddress> = {}): HostAddress {
  return {
    interfaceIndex: 2,
    interfaceName: "eth0",
    prefix: Prefix.single(addressOf(text)),
    isInterfaceUp: true,
    isLoopback: false,
    isGlobal: true,
    isUsable: true,
    isTemporary: false,
    ...part,
  };
}

/** A host whose network a test changes, and everything that was done about it. */
class Fixture implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  readonly done: string[] = [];
  addresses: HostAddress[] = [hostAddress("192.0.2.1")];
  source = "192.0.2.1";
  /** MTUs by destination; `default` for the others. */
  mtus: Record<string, number> = { default: 1500 };
  askedCount = 0;
  mtu = 1420;
  refusesMtu = false;
  ceilings: Uint8Array[] = [];
  change: (change: WatchedChange) => void = () => {};
  #underlay: Underlay | undefined;

  /** @param mtu What the operator chose. */
  open(mtu?: number): Underlay {
    const { clock, log, done } = this;
    const read = () => this.mtu;
    const device: UnderlayParts["device"] = {
      interfaceName: "weft0",
      interfaceIndex: 9,
      get mtu() {
        return read();
      },
      setMtu: (next) => {
        if (this.refusesMtu) throw new MeshError("permission-denied", "no");
        this.mtu = next;
      },
      network: {
        hostAddresses: () => this.addresses,
        sourceAddressFor: () => IpAddress.parse(this.source),
        mtuTo: (destination, except) => {
          assert.equal(except, 9);
          this.askedCount++;
          return this.mtus[String(destination)] ?? this.mtus["default"];
        },
      },
    };
    this.#underlay = new Underlay({
      device,
      plane: {
        setMtu: (next) => done.push(`mtu ${next}`),
        underlayChanged: (hasMoved) => done.push(hasMoved ? "moved" : "changed"),
        raiseTimestampCeiling: (ceiling) => done.push(`ceiling ${ceiling}`),
      },
      mtu,
      timestamps: { renew: () => Promise.resolve(this.ceilings.shift()) },
      watch: (onChange) => {
        this.change = onChange;
        return { [Symbol.asyncDispose]: () => Promise.resolve(void done.push("closed")) };
      },
      clock,
      log,
    });
    this.#underlay.whenChanged(() => done.push("told"));
    return this.#underlay;
  }

  /** Lets time pass until `count` things are done. */
  async until(count: number): Promise<string[]> {
    await eventually(`${count} things to be done, not ${this.done}`, () => {
      this.clock.advance(SETTLE_MS / 4);
      return this.done.length >= count;
    }, DEADLINE_MS);
    return this.done.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#underlay?.[Symbol.asyncDispose]();
  }
}

Deno.test("Underlay: another address is told to peers and mesh, once for all that came at once", async () => {
  await using made = new Fixture();
  made.open();
  made.addresses = [hostAddress("198.51.100.7")];
  for (let i = 0; i < 20; i++) made.change("network");
  assert.deepEqual(await made.until(2), ["changed", "told"]);
  made.addresses = [hostAddress("198.51.100.8")];
  const beforeMs = made.clock.monotonicMs();
  for (let i = 0; i < 20; i++) made.change("network");
  assert.deepEqual(await made.until(2), ["changed", "told"]);
  assert.ok(made.clock.monotonicMs() - beforeMs >= REST_MS - SETTLE_MS, "rests in between");
});

Deno.test("Underlay: the same addresses by another way out count too, and what nobody can reach does not", async () => {
  await using made = new Fixture();
  made.open();
  made.addresses = [
    ...made.addresses,
    hostAddress("172.17.0.1", { isInterfaceUp: false }),
    hostAddress("fe80::1", { isGlobal: false }),
    hostAddress("2001:db8::5", { isTemporary: true }),
    hostAddress("2001:db8::6", { isUsable: false }),
    hostAddress("127.0.0.2", { isLoopback: true }),
    hostAddress("10.0.0.1", { interfaceName: "weft0" }),
  ];
  made.change("network");
  made.clock.advance(SETTLE_MS);
  await eventually("a look", () => made.askedCount >= 2, DEADLINE_MS);
  assert.deepEqual(made.done, []);
  made.source = "192.0.2.99";
  made.change("network");
  assert.deepEqual(await made.until(2), ["moved", "told"]);
});

Deno.test("Underlay: after sleep, peers and mesh are told though nothing else changed, and labels are reserved", async () => {
  await using made = new Fixture();
  made.open();
  await eventually("the first reservation", () => made.ceilings.length === 0, DEADLINE_MS);
  made.ceilings = [Uint8Array.of(7)];
  made.change("time");
  assert.deepEqual(await made.until(3), ["ceiling 7", "moved", "told"]);
});

Deno.test("Underlay.addresses: what the host can be reached at, without the tunnel's own", () => {
  const made = new Fixture();
  made.addresses = [
    hostAddress("192.0.2.1"),
    hostAddress("2001:db8::1"),
    hostAddress("10.0.0.1", { interfaceName: "weft0" }),
    hostAddress("169.254.0.1", { isGlobal: false }),
  ];
  const underlay = made.open();
  assert.deepEqual(underlay.addresses().map(String), ["192.0.2.1", "2001:db8::1"]);
  return underlay[Symbol.asyncDispose]();
});

Deno.test("Underlay: the MTU follows the default route, and the ways to peers once there are some", async () => {
  await using made = new Fixture();
  made.mtus = { default: 1400, "192.0.2.9": 1380, "192.0.2.10": 1450 };
  const underlay = made.open();
  assert.deepEqual(made.done.splice(0), ["mtu 1320"]);
  assert.equal(made.mtu, 1320);
  underlay.peerIsAt("a", ["192.0.2.9:51820", "192.0.2.10:51820"]);
  assert.deepEqual(await made.until(1), ["mtu 1300"]);
  underlay.peerIsAt("b", ["192.0.2.10:51820"]);
  assert.deepEqual(await made.until(1), ["mtu 1370"]);
  underlay.peerIsAt("b", []);
  assert.deepEqual(await made.until(1), ["mtu 1300"]);
  made.mtus = { default: 1500 };
  made.change("network");
  assert.deepEqual(await made.until(1), ["mtu 1420"]);
});

Deno.test("Underlay: the operator's MTU stays", async () => {
  await using made = new Fixture();
  made.mtu = 1300;
  made.mtus = { default: 1400 };
  const underlay = made.open(1300);
  underlay.peerIsAt("a", ["192.0.2.9:51820"]);
  made.source = "192.0.2.99";
  assert.deepEqual(await made.until(2), ["moved", "told"]);
  assert.equal(made.mtu, 1300);
  assert.equal(made.askedCount, 0);
});

Deno.test("Underlay: the ways of a bounded number of peers are looked at, and a wide one ends the search", async () => {
  await using made = new Fixture();
  const underlay = made.open();
  made.mtus = { default: 1300 };
  for (let i = 0; i <= LOOKED_AT_PEERS_MAX; i++) underlay.peerIsAt(`${i}`, [`192.0.2.${i % 250}:${1 + i}`]);
  made.askedCount = 0;
  await made.until(1);
  assert.equal(made.askedCount, LOOKED_AT_PEERS_MAX);
  made.mtus = { default: 1500 };
  made.askedCount = 0;
  made.change("network");
  await made.until(1);
  assert.equal(made.askedCount, 1);
});

Deno.test("Underlay: a refused MTU is reported, and is not the end", async () => {
  await using made = new Fixture();
  made.refusesMtu = true;
  made.mtus = { default: 1400 };
  made.open();
  assert.deepEqual(made.done, []);
  assert.match(made.log.lines.at(-1)?.message ?? "", /refused/);
});

Deno.test("Underlay: nothing happens once it is disposed", async () => {
  const made = new Fixture();
  const underlay = made.open();
  made.source = "192.0.2.99";
  made.change("network");
  await underlay[Symbol.asyncDispose]();
  assert.deepEqual(made.done, ["closed"]);
});
