import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { PublicKey } from "../../../core/keys/public_key.ts";
import { Engine } from "../../../core/wireguard/engine.ts";
import type { EngineSink } from "../../../core/wireguard/sink.ts";
import vector from "../../vectors/wireguard_handshake.json" with { type: "json" };
import { computeHandshake } from "./paper.ts";
import { ScriptedRandom } from "./parties.ts";
import { endpointOf, prefixOf } from "./world.ts";

const { input, output } = vector;

Deno.test("handshake vector: the file is what the page of the paper gives", () => {
  assert.deepEqual(computeHandshake(input), output);
});

Deno.test("handshake vector: two engines say the same, byte for byte", () => {
  const now = { nowMs: 0, wallMs: input.wallMs };
  const make = (privateKey: string, index: number, ephemeral: string) =>
    new Engine({
      privateKey: PrivateKey.fromBytes(Uint8Array.fromHex(privateKey))!,
      suite: nobleSuite,
      random: new ScriptedRandom(index, Uint8Array.fromHex(ephemeral)),
      mtu: 1420,
    });
  const initiator = make(input.initiatorPrivate, input.initiatorIndex, input.initiatorEphemeral);
  const responder = make(input.responderPrivate, input.responderIndex, input.responderEphemeral);
  const sent: string[] = [];
  let delivered = "";
  const sink: EngineSink = {
    toNetwork: (buffer, offset, length) => sent.push(buffer.slice(offset, offset + length).toHex()),
    toTun: (buffer, offset, length) => delivered = buffer.slice(offset, offset + length).toHex(),
  };
  const from = endpointOf("192.0.2.1:51820");
  const peerOf = (publicKey: PublicKey) => ({
    publicKey,
    presharedKey: PresharedKey.fromBytes(Uint8Array.fromHex(input.presharedKey))!,
    endpoint: from,
    alternateEndpoints: [],
    allowedIps: [prefixOf("10.0.0.0/24")],
    persistentKeepaliveMs: 0,
  });
  initiator.upsertPeer(peerOf(responder.publicKey), now);
  responder.upsertPeer(peerOf(initiator.publicKey), now);
  const say = (engine: Engine, text: string) => {
    const packet = Uint8Array.fromHex(text);
    const buffer = new Uint8Array(16 + packet.length + 31);
    buffer.set(packet, 16);
    assert.equal(engine.fromTun(buffer, 16, packet.length, now, sink), undefined);
  };
  const hear = (engine: Engine, text: string | undefined) => {
    const datagram = Uint8Array.fromHex(text ?? "");
    assert.equal(engine.fromNetwork(datagram, 0, datagram.length, from, now, sink), undefined);
  };

  say(initiator, input.packet);
  assert.equal(sent.shift(), output.initiation);
  hear(responder, output.initiation);
  assert.equal(sent.shift(), output.response);
  hear(initiator, output.response);
  assert.equal(sent.shift(), output.initiatorPacket);
  hear(responder, output.initiatorPacket);
  assert.equal(delivered, input.packet);
  say(responder, input.packet);
  assert.equal(sent.shift(), output.responderPacket);
  hear(initiator, output.responderPacket);
  initiator.expire({ nowMs: 10_000, wallMs: 0 }, sink);
  assert.equal(sent.shift(), output.initiatorKeepalive);
  hear(responder, output.initiatorKeepalive);
  assert.deepEqual(sent, []);
});
