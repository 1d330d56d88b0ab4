import { strict as assert } from "node:assert";
import { noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import { ReadOnlyHandler } from "../../../core/dataplane/uapi_read_only.ts";
import { UAPI_ERRNO } from "../../../core/dataplane/uapi_refusal.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { noDrops } from "../../../core/wireguard/drop_reason.ts";
import { noHandshakes } from "../../../core/wireguard/handshake_counts.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const PEER = {
  publicKey: new Uint8Array(32).fill(9).toBase64(),
  endpoint: "192.0.2.1:51820",
  allowedIps: ["10.0.0.1/32"],
  persistentKeepaliveMs: 24_001,
  hasPresharedKey: true,
  sessionState: "established" as const,
  lastHandshakeWallMs: 5_000,
  rxBytes: 1,
  txBytes: 2,
};
const STATUS = {
  listenPort: 51820,
  restartCount: 0,
  cryptoSuite: "paper",
  peers: [PEER],
  drops: { ...noDrops(), ...noLoopDrops() },
  handshakes: noHandshakes(),
  isUnderLoad: false,
  lastTimestamp: new Uint8Array(12),
};

Deno.test("ReadOnlyHandler.get: what wg shows, with the key it needs and without preshared ones", async () => {
  using privateKey = PrivateKey.generate(new SeededRandom(1));
  const handler = new ReadOnlyHandler({ status: () => Promise.resolve(STATUS) }, privateKey);
  const secret = privateKey.reveal().toHex();
  assert.equal(
    await handler.get(),
    `private_key=${secret}
listen_port=51820
public_key=${"09".repeat(32)}
preshared_key=${"00".repeat(32)}
protocol_version=1
endpoint=192.0.2.1:51820
last_handshake_time_sec=5
last_handshake_time_nsec=0
tx_bytes=2
rx_bytes=1
persistent_keepalive_interval=25
allowed_ip=10.0.0.1/32
errno=0

`,
  );
});

Deno.test("ReadOnlyHandler.get: a data plane that does not answer is a refusal", async () => {
  using privateKey = PrivateKey.generate(new SeededRandom(1));
  for (const [reason, errno] of [["timeout", UAPI_ERRNO.ETIMEDOUT], ["unavailable", UAPI_ERRNO.EIO]] as const) {
    const status = () => Promise.reject(new MeshError(reason, "no"));
    const answer = await new ReadOnlyHandler({ status }, privateKey).get();
    assert.ok(typeof answer !== "string" && answer.errno === errno);
  }
});

Deno.test("ReadOnlyHandler.set: is not permitted", async () => {
  using privateKey = PrivateKey.generate(new SeededRandom(1));
  const handler = new ReadOnlyHandler({ status: () => Promise.resolve(STATUS) }, privateKey);
  assert.equal((await handler.set()).errno, UAPI_ERRNO.EPERM);
});
