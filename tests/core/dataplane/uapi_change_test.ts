import { strict as assert } from "node:assert";
import fc from "fast-check";
import { type DeviceChange, parseChange, type PeerChange } from "../../../core/dataplane/uapi_change.ts";
import { UAPI_ERRNO, type UapiRefusal } from "../../../core/dataplane/uapi_refusal.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";

const HEX = "ab".repeat(32);
const BASE64 = Uint8Array.fromHex(HEX).toBase64();
const ZERO = "0".repeat(64);
const NEW_PEER: PeerChange = {
  publicKey: BASE64,
  isRemoval: false,
  isUpdateOnly: false,
  presharedKey: undefined,
  endpoint: undefined,
  persistentKeepaliveSeconds: undefined,
  replacesAllowedIps: false,
  allowedIps: [],
};

const indexOf = (name: string) => name === "eth0" ? 7 : undefined;

function parse(...lines: string[]): DeviceChange {
  const change = parseChange(lines, indexOf);
  assert.ok(!("kind" in change), JSON.stringify(change));
  return change;
}

function refused(...lines: string[]): UapiRefusal {
  const change = parseChange(lines, indexOf);
  assert.ok("kind" in change, JSON.stringify(lines));
  return change;
}

/** The one peer of a request. */
function peer(...lines: string[]): PeerChange {
  const [only, ...others] = parse(`public_key=${HEX}`, ...lines).peers;
  assert.ok(only && others.length === 0);
  return only;
}

Deno.test("parseChange: nothing said, nothing changed", () => {
  assert.deepEqual(parse(), {
    privateKey: undefined,
    listenPort: undefined,
    fwmark: undefined,
    replacesPeers: false,
    peers: [],
  });
});

Deno.test("parseChange: device keys", () => {
  const change = parse(`private_key=${HEX}`, "listen_port=51820", "fwmark=4294967295", "replace_peers=true");
  assert.ok(change.privateKey instanceof PrivateKey);
  const secret = change.privateKey.reveal().toHex();
  assert.equal(secret, `a8${"ab".repeat(30)}6b`, "clamped");
  assert.deepEqual([change.listenPort, change.fwmark, change.replacesPeers], [51820, 0xffff_ffff, true]);
  assert.equal(parse(`private_key=${ZERO}`).privateKey, "none");
  assert.deepEqual([parse("listen_port=0").listenPort, parse("fwmark=0").fwmark], [0, 0]);
  assert.equal(parse("listen_port=1", "listen_port=00000000000000000000002").listenPort, 2, "the last one counts");
  assert.ok(parse(`private_key=${HEX.toUpperCase()}`).privateKey instanceof PrivateKey);
});

Deno.test("parseChange: peer keys", () => {
  assert.deepEqual(peer(), NEW_PEER);
  assert.deepEqual(
    peer("update_only=true", "endpoint=192.0.2.1:9", "persistent_keepalive_interval=65535", "protocol_version=1"),
    { ...NEW_PEER, isUpdateOnly: true, endpoint: "192.0.2.1:9", persistentKeepaliveSeconds: 65535 },
  );
  assert.equal(peer("remove=true").isRemoval, true);
  const { presharedKey } = peer(`preshared_key=${HEX}`);
  assert.ok(presharedKey !== undefined && presharedKey !== "none");
  assert.equal(presharedKey.reveal().toHex(), HEX, "not clamped");
  assert.equal(peer(`preshared_key=${ZERO}`).presharedKey, "none");
});

Deno.test("parseChange: prefixes are given and taken in order, without host bits", () => {
  const { replacesAllowedIps, allowedIps } = peer(
    "allowed_ip=10.0.0.7/24",
    "allowed_ip=-10.0.0.9/24",
    "allowed_ip=fd00::1/64",
    "allowed_ip=0.0.0.0/0",
    "allowed_ip=::/0",
  );
  assert.equal(replacesAllowedIps, false);
  assert.deepEqual(allowedIps, [
    { prefix: "10.0.0.0/24", isRemoval: false },
    { prefix: "10.0.0.0/24", isRemoval: true },
    { prefix: "fd00::/64", isRemoval: false },
    { prefix: "0.0.0.0/0", isRemoval: false },
    { prefix: "::/0", isRemoval: false },
  ]);
  const replaced = peer("allowed_ip=10.0.0.0/24", "replace_allowed_ips=true", "allowed_ip=10.1.0.0/24");
  assert.deepEqual([replaced.replacesAllowedIps, replaced.allowedIps.length], [true, 1], "what came before goes too");
});

Deno.test("parseChange: endpoints of both families, with the interface of link-local ones by number or name", () => {
  for (
    const [given, read] of [
      ["[2001:DB8::1]:1", "[2001:db8::1]:1"],
      ["[::ffff:192.0.2.1]:1", "192.0.2.1:1"],
      ["[fe80::1%3]:1", "[fe80::1%3]:1"],
      ["[fe80::1%eth0]:1", "[fe80::1%7]:1"],
    ]
  ) assert.equal(peer(`endpoint=${given}`).endpoint, read);
});

Deno.test("parseChange: peers come in the order of the request, one of them twice", () => {
  const other = "cd".repeat(32);
  const { peers } = parse(
    `public_key=${HEX}`,
    "remove=true",
    `public_key=${other}`,
    `public_key=${HEX}`,
    "allowed_ip=10.0.0.0/8",
  );
  assert.deepEqual(peers.map(({ isRemoval, allowedIps }) => [isRemoval, allowedIps.length]), [
    [true, 0],
    [false, 0],
    [false, 1],
  ]);
});

Deno.test("parseChange: every value that means nothing is refused, by line and key", () => {
  const numbers = ["", "-1", "+1", "1.5", "0x1", "1e3", " 1", "1 ", "one", "٣"];
  const keys = ["", HEX.slice(1), `${HEX}0`, `g${HEX.slice(1)}`, BASE64, ` ${HEX}`, `0x${HEX.slice(2)}`];
  const flags = ["", "false", "1", "TRUE", "true "];
  const bad: Readonly<Record<string, readonly string[]>> = {
    private_key: keys,
    listen_port: [...numbers, "65536", "9".repeat(200)],
    fwmark: [...numbers, "4294967296"],
    replace_peers: flags,
  };
  for (const [key, values] of Object.entries(bad)) {
    for (const value of values) {
      const { errno, why } = refused("fwmark=1", `${key}=${value}`);
      assert.equal(errno, UAPI_ERRNO.EINVAL);
      assert.match(why, new RegExp(`^line 3: the value of ${key} is not `), `${key}=${value}`);
    }
  }
  const badOfPeers: Readonly<Record<string, readonly string[]>> = {
    public_key: keys,
    preshared_key: keys,
    endpoint: [
      ...["", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:", ":5", "host:5", "2001:db8::1:5"],
      ...["[2001:db8::1]", "[192.0.2.1]:5", "[fe80::1%nowhere]:5", "[fe80::1%]:5", "192.0.2.1:5 ", "192.0.2.256:5"],
    ],
    persistent_keepalive_interval: [...numbers, "65536", "off"],
    replace_allowed_ips: flags,
    allowed_ip: [
      "",
      "-",
      "10.0.0.1",
      "10.0.0.1/33",
      "10.0.0.1/",
      "10.0.0.1/-1",
      "::/129",
      "--10.0.0.0/8",
      "+::/0",
      "x/8",
    ],
    remove: flags,
    update_only: flags,
    protocol_version: ["", "0", "2", "01"],
  };
  for (const [key, values] of Object.entries(badOfPeers)) {
    for (const value of values) {
      const { errno, why } = refused(`public_key=${HEX}`, `${key}=${value}`);
      assert.equal(errno, UAPI_ERRNO.EINVAL, `${key}=${value}`);
      assert.match(why, new RegExp(`^line 3: the value of ${key} is not `));
    }
  }
});

Deno.test("parseChange: keys belong to the device or to a peer, and lines have an equals sign", () => {
  assert.match(refused("endpoint=192.0.2.1:5").why, /^line 2: "endpoint" is no key of a device$/);
  assert.match(refused(`public_key=${HEX}`, "listen_port=5").why, /^line 3: "listen_port" is no key of a peer$/);
  assert.match(refused("jitter=1").why, /"jitter" is no key of a device/);
  assert.equal(refused("listen_port").errno, UAPI_ERRNO.EPROTO);
  assert.equal(refused("constructor=1").errno, UAPI_ERRNO.EINVAL);
});

Deno.test("parseChange: what it says of a bad line never has the line's secret", () => {
  for (const line of [`private_key=x${HEX}`, `${HEX}=private_key`, HEX, `private_key ${HEX}=`]) {
    assert.doesNotMatch(refused(line).why, /abab/, line);
  }
  assert.doesNotMatch(refused(`public_key=${HEX}`, `preshared_key=${HEX}${HEX}`).why, /abab/);
});

Deno.test("parseChange: never throws, and refuses with a known number", () => {
  const known: readonly number[] = Object.values(UAPI_ERRNO);
  const key = fc.constantFrom(
    ...[
      "private_key",
      "listen_port",
      "fwmark",
      "replace_peers",
      "public_key",
      "remove",
      "update_only",
      "preshared_key",
    ],
    ...["endpoint", "persistent_keepalive_interval", "replace_allowed_ips", "allowed_ip", "protocol_version", "x", ""],
  );
  const value = fc.oneof(
    fc.constantFrom("true", "1", "0", HEX, ZERO, "192.0.2.1:5", "[fe80::1%eth0]:5", "10.0.0.0/8", "-::/0", ""),
    fc.string(),
    fc.ipV4(),
    fc.ipV6(),
    fc.integer().map(String),
  );
  const line = fc.oneof(fc.tuple(key, value).map((parts) => parts.join("=")), fc.string());
  fc.assert(fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
    const change = parseChange(lines, indexOf);
    if ("kind" in change) assert.ok(known.includes(change.errno));
    else assert.ok(change.peers.length <= lines.length);
  }));
});
