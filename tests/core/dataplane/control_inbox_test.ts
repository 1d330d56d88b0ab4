import { strict as assert } from "node:assert";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { ControlInbox } from "../../../core/dataplane/control_inbox.ts";
import { LOOP_DROP_REASONS, noLoopDrops } from "../../../core/dataplane/loop_drops.ts";
import type { ControlMessage, TunnelPeer, WorkerMessage } from "../../../core/dataplane/messages.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { compareTai64n, tai64n } from "../../../core/time/tai64n.ts";
import { DROP_REASONS } from "../../../core/wireguard/drop_reason.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

const NOW = { nowMs: 1_000, wallMs: 1.7e12 };

function fixture(limits: { peersMax: number } = { peersMax: 8 }, isPaused = false) {
  const random = new SeededRandom(1);
  const engine = new Engine({ privateKey: PrivateKey.generate(random), suite: nobleSuite, random, mtu: 1420, limits });
  const sent: WorkerMessage[] = [];
  const moved: number[] = [];
  const loopDrops = noLoopDrops();
  const inbox = new ControlInbox({
    engine,
    cryptoSuite: "noble",
    isPaused,
    loopDrops,
    setMtu: (mtu) => moved.push(mtu),
    underlayChanged: (hasMoved, now) => moved.push(hasMoved ? now.nowMs : 0),
    send: (message) => sent.push(message),
  });
  const tell = (...messages: ControlMessage[]) => {
    for (const message of messages) inbox.carryOut(message, NOW);
  };
  const peer = (): TunnelPeer => ({
    publicKey: String(PrivateKey.generate(random).publicKey(nobleSuite.x25519)),
    endpoints: ["192.0.2.1:51820"],
    allowedIps: ["10.0.0.1/32"],
    persistentKeepaliveMs: 0,
  });
  return { engine, sent, moved, loopDrops, inbox, tell, peer, [Symbol.dispose]: () => engine[Symbol.dispose]() };
}

Deno.test("ControlInbox: adds, changes and removes peers in order", () => {
  using made = fixture();
  const [one, two] = [made.peer(), { ...made.peer(), allowedIps: ["10.0.0.2/32"] }];
  made.tell(
    { kind: "upsert-peer", peer: one },
    { kind: "upsert-peer", peer: two },
    { kind: "upsert-peer", peer: { ...one, allowedIps: ["10.0.0.3/32"] } },
    { kind: "remove-peer", publicKey: two.publicKey },
    { kind: "remove-peer", publicKey: two.publicKey },
    { kind: "remove-peer", publicKey: "nonsense" },
  );
  const peers = [...made.engine.peers()];
  assert.deepEqual(peers.map((peer) => [String(peer.publicKey), peer.allowedIps.map(String)]), [
    [one.publicKey, ["10.0.0.3/32"]],
  ]);
  assert.deepEqual(made.sent, []);
});

Deno.test("ControlInbox: a peer that is refused is reported, and the rest goes on", () => {
  using made = fixture({ peersMax: 1 });
  const [one, two, three] = [made.peer(), made.peer(), made.peer()];
  made.tell(
    { kind: "upsert-peer", peer: { ...three, endpoints: ["nowhere"] } },
    { kind: "upsert-peer", peer: one },
    { kind: "upsert-peer", peer: two },
  );
  assert.deepEqual(made.sent.map((message) => message.kind === "peer-refused" && message.publicKey), [
    three.publicKey,
    two.publicKey,
  ]);
  assert.equal([...made.engine.peers()].length, 1);
});

Deno.test("ControlInbox: status has peers, the engine's and the loop's drops, and the id it was asked with", () => {
  using made = fixture();
  const peer = made.peer();
  made.loopDrops["tun-refused"] = 3;
  made.tell({ kind: "upsert-peer", peer }, { kind: "status", id: 7 });
  const [answer] = made.sent;
  assert.ok(answer?.kind === "status");
  assert.equal(answer.id, 7);
  assert.equal(answer.status.cryptoSuite, "noble");
  assert.equal(answer.status.drops["tun-refused"], 3);
  assert.deepEqual(Object.keys(answer.status.drops), [...DROP_REASONS, ...LOOP_DROP_REASONS], "every reason is there");
  assert.equal(answer.status.lastTimestamp.length, 12);
  assert.deepEqual(answer.status.peers.map((found) => [found.publicKey, found.endpoint, found.sessionState]), [
    [peer.publicKey, "192.0.2.1:51820", "none"],
  ]);
  assert.deepEqual(structuredClone(answer), answer, "crosses threads");
});

Deno.test("ControlInbox: stop is remembered, and messages before it are carried out", () => {
  using made = fixture();
  assert.equal(made.inbox.isStopping, false);
  made.tell({ kind: "upsert-peer", peer: made.peer() }, { kind: "stop" });
  assert.equal(made.inbox.isStopping, true);
  assert.equal([...made.engine.peers()].length, 1);
});

Deno.test("ControlInbox: a peer is moved, and stays where it is for who is unknown or malformed", () => {
  using made = fixture();
  const peer = made.peer();
  made.tell(
    { kind: "upsert-peer", peer },
    { kind: "move-peer", publicKey: peer.publicKey, endpoint: "[fe80::1%3]:7" },
    { kind: "move-peer", publicKey: peer.publicKey, endpoint: "nowhere" },
    { kind: "move-peer", publicKey: made.peer().publicKey, endpoint: "192.0.2.9:9" },
    { kind: "status", id: 1 },
  );
  const [answer] = made.sent;
  assert.ok(answer?.kind === "status");
  assert.equal(answer.status.peers[0]?.endpoint, "[fe80::1%3]:7");
});

Deno.test("ControlInbox: another private key is taken, and wiped from the message", () => {
  using made = fixture();
  const privateKey = new Uint8Array(32).fill(7);
  const expected = PrivateKey.fromBytes(privateKey)?.publicKey(nobleSuite.x25519);
  made.tell({ kind: "set-private-key", privateKey });
  assert.equal(String(made.engine.publicKey), String(expected));
  assert.deepEqual(privateKey, new Uint8Array(32));
});

Deno.test("ControlInbox: pauses and resumes itself and the engine", () => {
  using made = fixture({ peersMax: 8 }, true);
  assert.equal(made.inbox.isPaused, true);
  made.tell({ kind: "resume" }, { kind: "upsert-peer", peer: { ...made.peer(), persistentKeepaliveMs: 1_000 } });
  assert.equal(made.inbox.isPaused, false);
  assert.equal(made.engine.nextDeadlineMs(), NOW.nowMs);
  made.tell({ kind: "pause" }, { kind: "set-mtu", mtu: 1280 });
  assert.equal(made.inbox.isPaused, true);
  assert.equal(made.engine.nextDeadlineMs(), Infinity);
});

Deno.test("ControlInbox: handshakes follow the clock as far as they were told", () => {
  using made = fixture();
  const ceiling = tai64n(NOW.wallMs - 1_000);
  made.tell({ kind: "raise-timestamp-ceiling", ceiling });
  const initiate = () => {
    made.tell({ kind: "upsert-peer", peer: { ...made.peer(), persistentKeepaliveMs: 1_000 } });
    made.engine.expire(NOW, { toNetwork() {}, toTun() {} });
    return made.engine.lastTimestamp;
  };
  assert.ok(compareTai64n(initiate(), ceiling) < 0);
  made.tell({ kind: "raise-timestamp-ceiling", ceiling: tai64n(NOW.wallMs + 1_000) });
  assert.ok(compareTai64n(initiate(), ceiling) > 0);
});

Deno.test("ControlInbox: a changed network and another MTU are passed on", () => {
  using made = fixture();
  made.tell({ kind: "underlay-changed", hasMoved: true }, { kind: "set-mtu", mtu: 1300 });
  assert.deepEqual(made.moved, [NOW.nowMs, 1300]);
});
