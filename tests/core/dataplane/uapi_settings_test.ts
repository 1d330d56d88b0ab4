import { strict as assert } from "node:assert";
import fc from "fast-check";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { parsePeer } from "../../../core/dataplane/tunnel_peer.ts";
import { type DeviceChange, parseChange } from "../../../core/dataplane/uapi_change.ts";
import { UAPI_ERRNO } from "../../../core/dataplane/uapi_refusal.ts";
import {
  applyChange,
  type DeviceSettings,
  NO_SETTINGS,
  type SettingsChange,
  type SettingsLimits,
  tunnelPeer,
} from "../../../core/dataplane/uapi_settings.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import { DEFAULT_LIMITS } from "../../../core/wireguard/limits.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const [A, B, C] = ["0a", "0b", "0c"].map((byte) => byte.repeat(32)) as [string, string, string];
const SECRET = "77".repeat(32);

const publicKeyOf = (key: PrivateKey) => String(key.publicKey(nobleSuite.x25519));
const base64 = (hex: string) => Uint8Array.fromHex(hex).toBase64();

function changeOf(...lines: string[]): DeviceChange {
  const change = parseChange(lines, () => undefined);
  assert.ok(!("kind" in change), JSON.stringify(change));
  return change;
}

function apply(settings: DeviceSettings, ...lines: string[]): SettingsChange {
  const result = applyChange(settings, changeOf(...lines), publicKeyOf);
  assert.ok(result.kind === "change", JSON.stringify(result));
  return result;
}

/** Prefixes by public key, hexadecimal. */
function prefixes({ peers }: DeviceSettings): Record<string, string[]> {
  const hex = (key: string) => Uint8Array.fromBase64(key).toHex();
  return Object.fromEntries([...peers.values()].map((peer) => [hex(peer.publicKey), [...peer.allowedIps]]));
}

const TWO = apply(
  NO_SETTINGS,
  ...["listen_port=7", "fwmark=8", `public_key=${A}`, "endpoint=192.0.2.1:1", "allowed_ip=10.0.0.0/24"],
  ...[`preshared_key=${C}`, "persistent_keepalive_interval=25", `public_key=${B}`, "allowed_ip=10.0.1.0/24"],
).settings;

Deno.test("applyChange: what is not named stays, and what stays is not touched again", () => {
  const { settings, removed, upserted, moved } = apply(TWO, `public_key=${B}`, "allowed_ip=10.0.2.0/24");
  assert.deepEqual([settings.listenPort, settings.fwmark, settings.privateKey], [7, 8, undefined]);
  assert.deepEqual(removed, []);
  assert.deepEqual(upserted.map(({ publicKey }) => publicKey), [base64(B)]);
  assert.deepEqual(moved, []);
  assert.equal(settings.peers.get(base64(A)), TWO.peers.get(base64(A)));
  assert.deepEqual(prefixes(settings)[B], ["10.0.1.0/24", "10.0.2.0/24"]);
  assert.deepEqual(prefixes(TWO)[B], ["10.0.1.0/24"], "the settings before are as they were");
});

Deno.test("applyChange: zeros take away", () => {
  const { settings, upserted } = apply(
    TWO,
    ...["listen_port=0", "fwmark=0", `public_key=${A}`, `preshared_key=${"0".repeat(64)}`],
    "persistent_keepalive_interval=0",
  );
  const peer = settings.peers.get(base64(A));
  assert.deepEqual([settings.listenPort, settings.fwmark], [0, 0]);
  assert.deepEqual([peer?.presharedKey, peer?.persistentKeepaliveSeconds], [undefined, 0]);
  assert.equal(peer?.endpoint, "192.0.2.1:1");
  assert.equal(upserted.length, 1);
  const keyed = apply(settings, `private_key=${SECRET}`).settings;
  assert.ok(keyed.privateKey);
  assert.equal(apply(keyed, "fwmark=1").settings.privateKey, keyed.privateKey);
  assert.equal(apply(keyed, `private_key=${"0".repeat(64)}`).settings.privateKey, undefined);
});

Deno.test("applyChange: an endpoint that is named is moved to, even if it is the same one", () => {
  const { upserted, moved } = apply(TWO, `public_key=${A}`, "endpoint=192.0.2.1:1");
  assert.deepEqual(moved.map(({ publicKey }) => publicKey), [base64(A)]);
  assert.deepEqual(upserted, [], "and nothing else is new");
});

Deno.test("applyChange: a peer that is described as it is, is not changed", () => {
  const same = [`public_key=${A}`, `preshared_key=${C}`, "persistent_keepalive_interval=25"];
  const { settings, removed, upserted } = apply(TWO, ...same, "replace_allowed_ips=true", "allowed_ip=10.0.0.0/24");
  assert.deepEqual([removed, upserted], [[], []]);
  assert.equal(settings.peers.get(base64(A)), TWO.peers.get(base64(A)));
  for (const other of [`preshared_key=${B}`, "endpoint=192.0.2.2:1", "persistent_keepalive_interval=0"]) {
    assert.equal(apply(TWO, `public_key=${A}`, other).upserted.length, 1, other);
  }
  const replaced = apply(TWO, `public_key=${A}`, "replace_allowed_ips=true", "allowed_ip=10.0.9.0/24");
  assert.equal(replaced.upserted.length, 1);
});

Deno.test("applyChange: a prefix moves to who got it last, within one request too", () => {
  const { settings, upserted } = apply(TWO, `public_key=${B}`, "allowed_ip=10.0.0.9/24");
  assert.deepEqual(prefixes(settings), { [A]: [], [B]: ["10.0.1.0/24", "10.0.0.0/24"] });
  assert.deepEqual(upserted.map(({ publicKey }) => publicKey), [base64(A), base64(B)], "who lost it is told, too");
  const back = apply(
    TWO,
    ...[`public_key=${B}`, "allowed_ip=10.0.0.0/24", `public_key=${A}`, "allowed_ip=10.0.0.0/24"],
  );
  assert.deepEqual(prefixes(back.settings), { [A]: ["10.0.0.0/24"], [B]: ["10.0.1.0/24"] });
});

Deno.test("applyChange: prefixes are taken from their owner only", () => {
  const { settings } = apply(TWO, `public_key=${B}`, "allowed_ip=-10.0.0.0/24", "allowed_ip=-10.0.1.0/24");
  assert.deepEqual(prefixes(settings), { [A]: ["10.0.0.0/24"], [B]: [] });
  const replaced = apply(TWO, `public_key=${A}`, "replace_allowed_ips=true", "allowed_ip=10.9.0.0/16");
  assert.deepEqual(prefixes(replaced.settings)[A], ["10.9.0.0/16"]);
});

Deno.test("applyChange: remove and update_only make no peers, and replace_peers makes new ones", () => {
  const none = apply(
    TWO,
    `public_key=${C}`,
    "update_only=true",
    "allowed_ip=10.0.0.0/24",
    `public_key=${C}`,
    "remove=true",
  );
  assert.deepEqual([none.removed, none.upserted, none.settings.peers.size], [[], [], 2]);
  assert.deepEqual(prefixes(none.settings)[A], ["10.0.0.0/24"], "and take nothing from others");
  const removed = apply(TWO, `public_key=${A}`, "remove=true", `public_key=${B}`, "allowed_ip=10.0.0.0/24");
  assert.deepEqual(removed.removed, [base64(A)]);
  assert.deepEqual(prefixes(removed.settings), { [B]: ["10.0.1.0/24", "10.0.0.0/24"] });
  const replaced = apply(TWO, "replace_peers=true", `public_key=${B}`);
  assert.deepEqual(replaced.removed, [base64(A), base64(B)]);
  assert.deepEqual(replaced.upserted.map(({ publicKey }) => publicKey), [base64(B)]);
  assert.deepEqual(prefixes(replaced.settings), { [B]: [] });
  const again = apply(TWO, `public_key=${A}`, "remove=true", `public_key=${A}`);
  assert.deepEqual([again.removed, again.upserted.length], [[base64(A)], 1]);
  assert.equal(again.settings.peers.get(base64(A))?.endpoint, undefined);
});

Deno.test("applyChange: the device is no peer of its own, whichever comes first", () => {
  const own = PublicKey.fromBase64(publicKeyOf(PrivateKey.fromBytes(Uint8Array.fromHex(SECRET))!))!.bytes.toHex();
  const both = apply(NO_SETTINGS, `private_key=${SECRET}`, `public_key=${own}`, "allowed_ip=10.0.0.0/8");
  assert.equal(both.settings.peers.size, 0);
  const before = apply(NO_SETTINGS, `public_key=${own}`).settings;
  assert.equal(before.peers.size, 1);
  assert.deepEqual(apply(before, `private_key=${SECRET}`).removed, [base64(own)]);
});

Deno.test("applyChange: as many peers and prefixes as the limits say, and one more is refused whole", () => {
  const limits: SettingsLimits = { peersMax: 3, allowedIpsMax: 2 };
  const refused = (...lines: string[]) => {
    const result = applyChange(TWO, changeOf(...lines), publicKeyOf, limits);
    return result.kind === "refusal" ? result : undefined;
  };
  const [d, e] = ["0d".repeat(32), "0e".repeat(32)];
  assert.equal(refused(`public_key=${d}`), undefined);
  assert.deepEqual(refused(`public_key=${d}`, `public_key=${e}`), {
    kind: "refusal",
    errno: UAPI_ERRNO.EINVAL,
    why: "more than 3 peers",
  });
  assert.equal(refused(`public_key=${A}`, "allowed_ip=10.0.1.0/24"), undefined, "a move is no more");
  assert.match(refused(`public_key=${A}`, "allowed_ip=10.0.5.0/24")?.why ?? "", /more than 2 allowed IPs/);
});

Deno.test("tunnelPeer: in the units of the data plane", () => {
  const [peer] = TWO.peers.values();
  assert.ok(peer);
  assert.deepEqual(tunnelPeer(peer), {
    publicKey: base64(A),
    presharedKey: base64(C),
    endpoints: ["192.0.2.1:1"],
    allowedIps: ["10.0.0.0/24"],
    persistentKeepaliveMs: 25_000,
  });
});

Deno.test("applyChange: an engine that is told the differences has what the settings say", () => {
  const key = fc.constantFrom(
    ...Array.from({ length: 5 }, (_, i) => (10 + i).toString(16).padStart(2, "0").repeat(32)),
  );
  const prefix = fc.constantFrom("10.0.0.0/8", "10.0.0.0/24", "10.0.1.0/24", "::/0", "0.0.0.0/0", "fd00::/64");
  const line = fc.oneof(
    prefix.map((text) => `allowed_ip=${text}`),
    prefix.map((text) => `allowed_ip=-${text}`),
    fc.constantFrom("replace_allowed_ips=true", "remove=true", "update_only=true", "endpoint=192.0.2.1:1"),
    fc.constantFrom("persistent_keepalive_interval=5", `preshared_key=${A}`, `preshared_key=${"0".repeat(64)}`),
  );
  const peer = fc.tuple(key, fc.array(line, { maxLength: 5 })).map(([name, lines]) => [`public_key=${name}`, ...lines]);
  const request = fc.tuple(
    fc.constantFrom([], [], [], ["replace_peers=true"]),
    fc.array(peer, { maxLength: 4 }),
  ).map(([device, peers]) => [...device, ...peers.flat()]);
  fc.assert(
    fc.property(fc.array(request, { maxLength: 8 }), (requests) => {
      const random = new SeededRandom(1);
      using privateKey = PrivateKey.generate(random);
      using engine = new Engine({ privateKey, suite: nobleSuite, random, mtu: 1420, limits: DEFAULT_LIMITS });
      const now = { nowMs: 0, wallMs: 0 };
      let settings = NO_SETTINGS;
      for (const lines of requests) {
        const change = apply(settings, ...lines);
        for (const gone of change.removed) engine.removePeer(PublicKey.fromBase64(gone)!);
        for (const changed of change.upserted) engine.upsertPeer(parsePeer(tunnelPeer(changed)), now);
        settings = change.settings;
        engine.checkInvariants();
      }
      const told = [...settings.peers.values()].map((settled) => [
        settled.publicKey,
        [...settled.allowedIps].sort(),
        settled.persistentKeepaliveSeconds,
        settled.presharedKey !== undefined,
      ]).sort();
      const found = [...engine.peers()].map((live) => [
        String(live.publicKey),
        live.allowedIps.map(String).sort(),
        live.persistentKeepaliveMs / 1000,
        live.hasPresharedKey,
      ]).sort();
      assert.deepEqual(found, told);
    }),
    { numRuns: 200 },
  );
});
