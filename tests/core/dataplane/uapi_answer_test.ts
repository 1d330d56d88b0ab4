import { strict as assert } from "node:assert";
import { deviceAnswer, DONE_ANSWER, type PeerView, refusalAnswer } from "../../../core/dataplane/uapi_answer.ts";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";

const KEY = new Uint8Array(32).fill(0x48);
const HEX = KEY.toHex();

const SILENT: PeerView = {
  publicKey: KEY.toBase64(),
  presharedKey: undefined,
  endpoint: undefined,
  lastHandshakeWallMs: undefined,
  rxBytes: 0,
  txBytes: 0,
  persistentKeepaliveSeconds: 0,
  allowedIps: [],
};

Deno.test("deviceAnswer: a device that was told nothing says nothing", () => {
  assert.equal(deviceAnswer({ privateKey: undefined, listenPort: 0, fwmark: 0, peers: [] }), "errno=0\n\n");
});

Deno.test("deviceAnswer: device keys, then each peer with its own", () => {
  const privateKey = PrivateKey.fromBytes(KEY);
  const presharedKey = PresharedKey.fromBytes(KEY);
  assert.ok(presharedKey);
  const talking: PeerView = {
    ...SILENT,
    presharedKey,
    endpoint: "[fe80::1%2]:51820",
    lastHandshakeWallMs: 1_700_000_000_123.75,
    rxBytes: 2 ** 53 - 1,
    txBytes: 5,
    persistentKeepaliveSeconds: 25,
    allowedIps: new Set(["10.0.0.0/8", "::/0"]),
  };
  assert.equal(
    deviceAnswer({ privateKey, listenPort: 51820, fwmark: 51820, peers: [SILENT, talking] }),
    `private_key=${HEX}
listen_port=51820
fwmark=51820
public_key=${HEX}
preshared_key=${"0".repeat(64)}
protocol_version=1
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
public_key=${HEX}
preshared_key=${HEX}
protocol_version=1
endpoint=[fe80::1%2]:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=123000000
tx_bytes=5
rx_bytes=9007199254740991
persistent_keepalive_interval=25
allowed_ip=10.0.0.0/8
allowed_ip=::/0
errno=0

`,
  );
});

Deno.test("refusalAnswer: the sign that wg expects of each operation", () => {
  assert.equal(refusalAnswer("set", 98), "errno=-98\n\n");
  assert.equal(refusalAnswer("get", 22), "errno=22\n\n");
  assert.equal(DONE_ANSWER, "errno=0\n\n");
});
