import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { initiate } from "../../../core/wireguard/handshake.ts";
import { Identity } from "../../../core/wireguard/identity.ts";
import { DEFAULT_LIMITS } from "../../../core/wireguard/limits.ts";
import { type IndexEntry, type PeerConfig, PeerState } from "../../../core/wireguard/peer.ts";
import { QueueBudget } from "../../../core/wireguard/send_queue.ts";
import { SessionIndex } from "../../../core/wireguard/session_index.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { countingSuite } from "./counting_suite.ts";
import { endpointOf } from "./world.ts";

function setUp() {
  const random = new SeededRandom(1);
  const suite = countingSuite();
  const index = new SessionIndex<IndexEntry>(random, 10);
  const own = new Identity(suite, PrivateKey.generate(random));
  const publicKey = PrivateKey.generate(random).publicKey(nobleSuite.x25519);
  const queueBudget = new QueueBudget(10);
  const peer = new PeerState(publicKey, { suite, index, limits: DEFAULT_LIMITS, queueBudget });
  const config: PeerConfig = { publicKey, alternateEndpoints: [], allowedIps: [], persistentKeepaliveMs: 0 };
  const startHandshake = () => {
    const remote = peer.asRemoteParty(own);
    const localIndex = index.allocate({ peer, session: undefined });
    assert.ok(remote && localIndex !== undefined);
    const handshake = initiate(suite, random, own.pair, remote, localIndex, new Uint8Array(12), new Uint8Array(148));
    assert.ok(handshake);
    peer.handshakeInitiated(handshake);
    return handshake;
  };
  return { random, suite, index, own, peer, config, startHandshake, queueBudget };
}

Deno.test("PeerState.asRemoteParty: agrees on the static secret once, and again after our key changed", () => {
  const { suite, own, peer } = setUp();
  const before = suite.counts.agreements;
  const first = peer.asRemoteParty(own)?.staticSecret.slice();
  peer.asRemoteParty(own);
  assert.equal(suite.counts.agreements, before + 1);
  peer.identityChanged();
  const second = peer.asRemoteParty(new Identity(suite, PrivateKey.generate(new SeededRandom(9))))?.staticSecret;
  assert.notDeepEqual(second, first);
});

Deno.test("PeerState.configure: the preshared key is replaced or taken away", () => {
  const { own, peer, config, random } = setUp();
  assert.deepEqual(peer.asRemoteParty(own)?.presharedKey, new Uint8Array(32));
  const presharedKey = PresharedKey.generate(random);
  peer.configure({ ...config, presharedKey }, 0);
  assert.deepEqual(peer.asRemoteParty(own)?.presharedKey, presharedKey.reveal());
  assert.equal(peer.hasPresharedKey, true);
  peer.configure(config, 0);
  assert.deepEqual(peer.asRemoteParty(own)?.presharedKey, new Uint8Array(32));
  assert.equal(peer.hasPresharedKey, false);
});

Deno.test("PeerState.configure: a keepalive is due at once when it is new or first has somewhere to go", () => {
  const { peer, config } = setUp();
  peer.configure({ ...config, persistentKeepaliveMs: 25_000 }, 100);
  assert.equal(peer.timers.takeDue(100), "persistent-keepalive");
  peer.configure({ ...config, persistentKeepaliveMs: 25_000 }, 200);
  assert.equal(peer.timers.takeDue(200), undefined);
  peer.configure({ ...config, persistentKeepaliveMs: 25_000, endpoint: endpointOf("192.0.2.1:1") }, 300);
  assert.equal(peer.timers.takeDue(300), "persistent-keepalive");
  peer.configure({ ...config, persistentKeepaliveMs: 0 }, 400);
  assert.equal(peer.timers.nextMs(), Infinity);
});

Deno.test("PeerState.handshakeInitiated: a new handshake wipes the one before and frees its index", () => {
  const { index, peer, startHandshake } = setUp();
  const first = startHandshake();
  const second = startHandshake();
  assert.equal(index.size, 1);
  assert.equal(index.get(second.localIndex)?.peer, peer);
  assert.deepEqual(first.ephemeral.privateKey, new Uint8Array(32));
  assert.equal(peer.sessionState(0), "handshaking");
  peer.handshakeAnswered();
  assert.equal(index.size, 1, "the index now belongs to the session");
  assert.equal(peer.sessionState(0), "none");
});

Deno.test("PeerState: disposing wipes every secret, frees every index and lets packets go", () => {
  const { index, own, peer, config, random, startHandshake, queueBudget } = setUp();
  peer.configure({ ...config, presharedKey: PresharedKey.generate(random) }, 0);
  const party = peer.asRemoteParty(own);
  const handshake = startHandshake();
  peer.queue.push(new Uint8Array(20), 0, 20);
  peer[Symbol.dispose]();
  assert.deepEqual(handshake.ephemeral.privateKey, new Uint8Array(32));
  assert.deepEqual([party?.staticSecret, party?.presharedKey], [new Uint8Array(32), new Uint8Array(32)]);
  assert.equal(index.size, 0);
  assert.equal(queueBudget.used, 0);
});
