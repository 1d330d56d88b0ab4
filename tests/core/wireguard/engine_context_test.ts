import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";
import { Deadlines } from "../../../core/time/deadlines.ts";
import { wakeInTime } from "../../../core/wireguard/engine_context.ts";
import { DEFAULT_LIMITS } from "../../../core/wireguard/limits.ts";
import { PeerState } from "../../../core/wireguard/peer.ts";
import { QueueBudget } from "../../../core/wireguard/send_queue.ts";
import { SessionIndex } from "../../../core/wireguard/session_index.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

Deno.test("wakeInTime: lowers a deadline and never raises it", () => {
  const deadlines = new Deadlines<PeerState>();
  const peer = new PeerState(PublicKey.of(new Uint8Array(32).fill(9)), {
    suite: nobleSuite,
    limits: DEFAULT_LIMITS,
    index: new SessionIndex(new SeededRandom(1), 1),
    queueBudget: new QueueBudget(1),
  });
  wakeInTime(deadlines, peer);
  assert.equal(deadlines.nextMs(), Infinity);
  peer.timers.dataSent(1000);
  wakeInTime(deadlines, peer);
  assert.equal(deadlines.nextMs(), 16_000);
  peer.timers.dataReceived(1000);
  wakeInTime(deadlines, peer);
  assert.equal(deadlines.nextMs(), 11_000);
  peer.timers.anySent(2000);
  wakeInTime(deadlines, peer);
  assert.equal(deadlines.nextMs(), 11_000, "an early visit is cheaper than moving the deadline per packet");
});
