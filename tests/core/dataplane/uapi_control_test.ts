import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { DeviceStatus } from "../../../core/dataplane/data_plane.ts";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import type { TunnelPeer } from "../../../core/dataplane/messages.ts";
import { DeviceControl, type DeviceControlParts } from "../../../core/dataplane/uapi_control.ts";
import { UAPI_ERRNO } from "../../../core/dataplane/uapi_refusal.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { ConfigError, MeshError } from "../../../core/plugin/errors.ts";
import { noDrops } from "../../../core/wireguard/drop_reason.ts";
import { noHandshakes } from "../../../core/wireguard/handshake_counts.ts";
import { MemoryLog } from "../../twins/memory_log.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const [A, SECRET] = ["0a".repeat(32), "77".repeat(32)];
const CLAMPED = `70${"77".repeat(31)}`;
const MTU = 1420;
const UP = { name: "wg0", isUp: true, mtu: MTU };
const DOWN = { ...UP, isUp: false };

/** A data plane and ports that note what they are told. */
class Paper implements AsyncDisposable {
  readonly told: string[] = [];
  readonly log = new MemoryLog();
  readonly control: DeviceControl;
  readonly peers = new Map<string, TunnelPeer>();
  /** Ports that somebody else has. */
  readonly taken = new Set<number>();
  failure: Error | undefined;
  endpoint: string | undefined;
  port = 0;
  readonly #random = new SeededRandom(1);

  constructor() {
    const plane: DeviceControlParts["plane"] = {
      upsertPeer: (peer) => void this.peers.set(peer.publicKey, peer),
      removePeer: (publicKey) => {
        this.told.push("remove");
        this.peers.delete(publicKey);
      },
      movePeer: (_publicKey, endpoint) => void this.told.push(`move ${endpoint}`),
      setPrivateKey: (key) => void this.told.push(`key ${key.reveal()[1] === 0x77 ? "given" : "unknown"}`),
      setMtu: (mtu) => void this.told.push(`mtu ${mtu}`),
      pause: () => void this.told.push("pause"),
      resume: () => void this.told.push("resume"),
      status: () => this.#status(),
    };
    const ports: DeviceControlParts["ports"] = {
      port: 0,
      bind: (port, fwmark) => {
        if (this.taken.has(port)) throw new ConfigError(`UDP port ${port} is in use`);
        if (port > 0 && port < 1024) throw new MeshError("permission-denied", "no");
        this.port = port || 40_000;
        this.told.push(`bind ${port} ${fwmark}`);
      },
      mark: (fwmark) => void this.told.push(`mark ${fwmark}`),
      shut: () => {
        this.port = 0;
        this.told.push("shut");
      },
    };
    Object.defineProperty(ports, "port", { get: () => this.port });
    const newPrivateKey = () => PrivateKey.generate(this.#random);
    const publicKeyOf = (key: PrivateKey) => String(key.publicKey(nobleSuite.x25519));
    const parts = { plane, ports, newPrivateKey, publicKeyOf, indexOf: () => undefined, log: this.log };
    this.control = new DeviceControl(parts, newPrivateKey(), MTU);
  }

  /** What was told since the last call. */
  news(): string[] {
    return this.told.splice(0);
  }

  async done(...lines: string[]): Promise<void> {
    assert.equal(await this.control.set(lines), "done");
  }

  async refused(...lines: string[]): Promise<number> {
    const result = await this.control.set(lines);
    assert.ok(result !== "done");
    return result.errno;
  }

  /** The lines of a `get`. */
  async view(): Promise<string[]> {
    const answer = await this.control.get();
    assert.ok(typeof answer === "string");
    return answer.trimEnd().split("\n");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.control[Symbol.asyncDispose]();
  }

  #status(): Promise<DeviceStatus> {
    if (this.failure) return Promise.reject(this.failure);
    const peers = [...this.peers.values()].map(({ publicKey }) => ({
      publicKey,
      endpoint: this.endpoint,
      allowedIps: [],
      persistentKeepaliveMs: 0,
      hasPresharedKey: false,
      sessionState: "none" as const,
      lastHandshakeWallMs: 1_000,
      rxBytes: 11,
      txBytes: 22,
    }));
    return Promise.resolve({
      listenPort: this.port,
      restartCount: 0,
      cryptoSuite: "paper",
      peers,
      drops: { ...noDrops(), ...noLoopDrops() },
      handshakes: noHandshakes(),
      isUnderLoad: false,
      lastTimestamp: new Uint8Array(12),
    });
  }
}

Deno.test("DeviceControl: listens while the interface is up, and runs if it has a key besides", async () => {
  await using paper = new Paper();
  const { control } = paper;
  await control.linkChanged(UP);
  assert.deepEqual(paper.news(), ["bind 0 0"]);
  await paper.done(`private_key=${SECRET}`);
  assert.deepEqual(paper.news(), ["key given", "resume"]);
  await control.linkChanged(DOWN);
  assert.deepEqual(paper.news(), ["pause", "shut"]);
  await control.linkChanged(UP);
  assert.deepEqual(paper.news(), ["bind 40000 0", "resume"], "the port it had");
  await paper.done(`private_key=${"0".repeat(64)}`);
  assert.deepEqual(paper.news(), ["key unknown", "pause"]);
  assert.deepEqual(await paper.view(), ["listen_port=40000", "errno=0"]);
});

Deno.test("DeviceControl: settings of a device that is down wait for it to come up", async () => {
  await using paper = new Paper();
  await paper.done("listen_port=5000", "fwmark=7", `private_key=${SECRET}`);
  assert.deepEqual(paper.news(), ["key given"]);
  assert.deepEqual((await paper.view()).slice(1), ["listen_port=5000", "fwmark=7", "errno=0"]);
  await paper.control.linkChanged(UP);
  assert.deepEqual(paper.news(), ["bind 5000 7", "resume"]);
});

Deno.test("DeviceControl: another port or mark holds at once, the same one is no change", async () => {
  await using paper = new Paper();
  await paper.done("listen_port=5000", `private_key=${SECRET}`);
  await paper.control.linkChanged(UP);
  paper.news();
  await paper.done("listen_port=5000", "fwmark=0");
  assert.deepEqual(paper.news(), ["resume"]);
  await paper.done("listen_port=5001");
  assert.deepEqual(paper.news(), ["bind 5001 0", "resume"]);
  await paper.done("fwmark=9");
  assert.deepEqual(paper.news(), ["mark 9", "resume"]);
  await paper.done("listen_port=0");
  assert.deepEqual(paper.news(), ["bind 0 9", "resume"]);
  assert.ok((await paper.view()).includes("listen_port=40000"));
});

Deno.test("DeviceControl: a request that cannot be carried out changes nothing", async () => {
  await using paper = new Paper();
  paper.taken.add(5000);
  await paper.done(`private_key=${SECRET}`, "listen_port=5001");
  await paper.control.linkChanged(UP);
  paper.news();
  assert.equal(await paper.refused("listen_port=5000", `public_key=${A}`), UAPI_ERRNO.EADDRINUSE);
  assert.equal(await paper.refused("listen_port=80", `private_key=${A}`), UAPI_ERRNO.EPERM);
  assert.equal(await paper.refused("listen_port=1", "nonsense"), UAPI_ERRNO.EPROTO);
  assert.equal(await paper.refused(`private_key=${A}`, "fwmark=x"), UAPI_ERRNO.EINVAL);
  assert.deepEqual(paper.news(), []);
  assert.deepEqual(await paper.view(), [`private_key=${CLAMPED}`, "listen_port=5001", "errno=0"]);
});

Deno.test("DeviceControl: a port that is taken when the interface comes up is logged, and another one helps", async () => {
  await using paper = new Paper();
  paper.taken.add(5000);
  await paper.done(`private_key=${SECRET}`, "listen_port=5000");
  await paper.control.linkChanged(UP);
  assert.equal(paper.log.count("cannot listen"), 1);
  assert.deepEqual(paper.news(), ["key given"]);
  await paper.done("listen_port=5001");
  assert.deepEqual(paper.news(), ["bind 5001 0", "resume"]);
});

Deno.test("DeviceControl: the same private key again ends no sessions", async () => {
  await using paper = new Paper();
  await paper.done(`private_key=${SECRET}`);
  paper.news();
  await paper.done(`private_key=${SECRET}`);
  assert.deepEqual(paper.news(), []);
  assert.equal((await paper.view())[0], `private_key=${CLAMPED}`);
});

Deno.test("DeviceControl: peers go to the data plane, and endpoints that are named move", async () => {
  await using paper = new Paper();
  await paper.done(`public_key=${A}`, "endpoint=192.0.2.1:1", "allowed_ip=10.0.0.0/8");
  assert.deepEqual(paper.news(), ["move 192.0.2.1:1"]);
  const [peer] = paper.peers.values();
  assert.deepEqual([peer?.endpoints, peer?.allowedIps], [["192.0.2.1:1"], ["10.0.0.0/8"]]);
  await paper.done(`public_key=${A}`, "persistent_keepalive_interval=25");
  assert.deepEqual(paper.news(), []);
  await paper.done(`public_key=${A}`, "remove=true");
  assert.deepEqual([paper.news(), paper.peers.size], [["remove"], 0]);
});

Deno.test("DeviceControl.get: settings with what the data plane knows of the peers", async () => {
  await using paper = new Paper();
  await paper.done(`public_key=${A}`, "endpoint=192.0.2.1:1", "persistent_keepalive_interval=25", `preshared_key=${A}`);
  paper.endpoint = "192.0.2.9:9";
  const live = await paper.view();
  for (const line of ["endpoint=192.0.2.9:9", "rx_bytes=11", "tx_bytes=22", "last_handshake_time_sec=1"]) {
    assert.ok(live.includes(line), line);
  }
  assert.ok(live.includes("persistent_keepalive_interval=25") && live.includes(`preshared_key=${A}`));
  paper.failure = new MeshError("unavailable", "being replaced");
  const known = await paper.view();
  assert.ok(known.includes("endpoint=192.0.2.1:1") && known.includes("rx_bytes=0"));
  paper.failure = new MeshError("timeout", "busy");
  const late = await paper.control.get();
  assert.ok(typeof late !== "string" && late.errno === UAPI_ERRNO.ETIMEDOUT);
  await paper.done("fwmark=1");
});

Deno.test("DeviceControl.get: has the key that it was asked about, also when that goes right after", async () => {
  await using paper = new Paper();
  await paper.done(`private_key=${SECRET}`);
  const [before, , after] = await Promise.all([
    paper.view(),
    paper.done(`private_key=${A}`),
    paper.view(),
  ]);
  assert.equal(before[0], `private_key=${CLAMPED}`);
  assert.match(after[0] ?? "", /^private_key=080a/);
});

Deno.test("DeviceControl: the interface's MTU is the data plane's", async () => {
  await using paper = new Paper();
  await paper.control.linkChanged(DOWN);
  assert.deepEqual(paper.news(), []);
  await paper.control.linkChanged({ ...DOWN, mtu: 1280 });
  assert.deepEqual(paper.news(), ["mtu 1280"]);
});

Deno.test("DeviceControl: one thing at a time, in the order it was asked to", async () => {
  await using paper = new Paper();
  const all = [
    paper.control.linkChanged(UP),
    paper.control.set([`private_key=${SECRET}`]),
    paper.control.linkChanged(DOWN),
    paper.control.set(["listen_port=6000"]),
    paper.control.linkChanged(UP),
  ];
  await Promise.all(all);
  assert.deepEqual(paper.news(), ["bind 0 0", "key given", "resume", "pause", "shut", "bind 6000 0", "resume"]);
});
