import { strict as assert } from "node:assert";
import { ANSWERS_AT_ONCE_MAX, outerBytes, PATH_AGE_MS, PathMtu } from "../../../core/dataplane/path_mtu.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { PublicKey } from "../../../core/keys/public_key.ts";
import type { Peer } from "../../../core/wireguard/peer.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";
import { ipPacket } from "./ip_packet.ts";

const OFFSET = 16;
const TUNNEL_MTU = 1420;

function endpointOf(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint);
  return endpoint;
}

type ChangingPeer = Omit<Peer, "endpointChangeCount"> & { endpointChangeCount: number };

function fixture(endpoint = "192.0.2.2:51820") {
  const asked: string[] = [];
  const told: Uint8Array[] = [];
  const now = { nowMs: 5_000, wallMs: 1e12 };
  const route = { mtu: 1500 };
  const peer: ChangingPeer = {
    publicKey: PublicKey.of(new Uint8Array(32)),
    endpoint: endpointOf(endpoint),
    endpointChangeCount: 1,
    path: { packetBytesMax: Infinity, staleAtMs: -Infinity, endpointChangeCount: 0 },
    allowedIps: [],
    persistentKeepaliveMs: 0,
    hasPresharedKey: false,
    rxBytes: 0,
    txBytes: 0,
    lastHandshakeWallMs: 0,
    sessionState: () => "established",
  };
  const paths = new PathMtu({
    routeMtu: (to) => {
      asked.push(String(to));
      return route.mtu;
    },
    toHost: (buffer, offset, length) => {
      assert.ok(offset >= OFFSET && buffer.subarray(0, offset).every((byte) => byte === 0), "room for headers");
      told.push(buffer.slice(offset, offset + length));
    },
    tunnelMtu: TUNNEL_MTU,
  });
  const admit = (packet: Uint8Array) => {
    const buffer = new Uint8Array(OFFSET + packet.length + 31);
    buffer.set(packet, OFFSET);
    const isAdmitted = paths.admit(buffer, OFFSET, packet.length, peer, now);
    return { isAdmitted, packet: buffer.slice(OFFSET, OFFSET + packet.length) };
  };
  return { asked, told, now, route, peer, paths, admit };
}

/** An IPv4 packet with DF, or an IPv6 packet, of `length` bytes of UDP. */
function packetOf(length: number, isIpv6 = false): Uint8Array {
  const packet = isIpv6
    ? ipPacket("fd00::1", "fd00::2", new Uint8Array(length - 40))
    : ipPacket("10.0.0.1", "10.0.0.2", new Uint8Array(length - 20));
  if (!isIpv6) packet[6] = 0x40;
  packet[isIpv6 ? 6 : 9] = 17;
  return packet;
}

/** A TCP SYN that offers segments of 1460 bytes. */
function syn(isIpv6 = false): Uint8Array {
  const tcp = new Uint8Array(24);
  tcp.set([6 << 4, 0x02], 12);
  tcp.set([2, 4, 0x05, 0xb4], 20);
  const packet = isIpv6 ? ipPacket("fd00::1", "fd00::2", tcp) : ipPacket("10.0.0.1", "10.0.0.2", tcp);
  packet[isIpv6 ? 6 : 9] = 6;
  return packet;
}

function mssOf(packet: Uint8Array): number {
  return packet.at(-2)! << 8 | packet.at(-1)!;
}

Deno.test("outerBytes: what WireGuard over IPv4 and IPv6 takes", () => {
  assert.deepEqual([outerBytes(4), outerBytes(6)], [60, 80]);
});

Deno.test("PathMtu.packetBytesMax: the route less all headers outside, and no more than the tunnel's interface", () => {
  for (
    const [endpoint, mtu, expected] of [
      ["192.0.2.2:1", 1500, 1420],
      ["192.0.2.2:1", 1280, 1220],
      ["[2001:db8::2]:1", 1280, 1200],
      ["192.0.2.2:1", 1124, 1064],
      ["192.0.2.2:1", 9000, 1420],
      ["192.0.2.2:1", 0, 1420],
      ["192.0.2.2:1", 20, 1],
    ] as const
  ) {
    const made = fixture(endpoint);
    made.route.mtu = mtu;
    assert.equal(made.paths.packetBytesMax(made.peer, made.now), expected, `${endpoint} ${mtu}`);
  }
});

Deno.test("PathMtu: the kernel is asked once a second, after a change of routes, and about a new endpoint", () => {
  const { paths, peer, now, asked } = fixture();
  const look = () => paths.packetBytesMax(peer, now);
  look();
  look();
  assert.equal(asked.length, 1);
  now.nowMs += PATH_AGE_MS - 1;
  look();
  assert.equal(asked.length, 1);
  now.nowMs += 1;
  look();
  assert.equal(asked.length, 2);
  now.nowMs += 10;
  paths.forget(now);
  look();
  look();
  assert.equal(asked.length, 3);
  peer.endpoint.copyFrom(endpointOf("[2001:db8::9]:7"));
  peer.endpointChangeCount++;
  look();
  look();
  assert.deepEqual(asked.slice(3), ["[2001:db8::9]:7"]);
});

Deno.test("PathMtu: a peer without endpoint is limited by the tunnel's interface only", () => {
  const { paths, peer, now, asked } = fixture();
  peer.endpoint.copyFrom(new Endpoint());
  assert.equal(paths.packetBytesMax(peer, now), TUNNEL_MTU);
  assert.deepEqual(asked, []);
});

Deno.test("PathMtu.setTunnelMtu: another limit for all", () => {
  const { paths, peer, now } = fixture();
  paths.setTunnelMtu(1280);
  assert.equal(paths.packetBytesMax(peer, now), 1280);
});

Deno.test("PathMtu.admit: who sends a packet that does not fit is told what does", () => {
  for (const isIpv6 of [false, true]) {
    const made = fixture();
    made.route.mtu = 1400;
    assert.equal(made.admit(packetOf(1340, isIpv6)).isAdmitted, true, "fits to the byte");
    assert.equal(made.admit(packetOf(1341, isIpv6)).isAdmitted, false);
    const answer = made.told[0];
    assert.ok(answer);
    assert.equal(answer[isIpv6 ? 46 : 26]! << 8 | answer[isIpv6 ? 47 : 27]!, 1340);
    assert.equal(made.told.length, 1);
  }
});

Deno.test("PathMtu.admit: what must go out whatever its size does, unchanged", () => {
  const made = fixture();
  made.route.mtu = 1124;
  const cuttable = packetOf(1420);
  cuttable[6] = 0;
  for (const packet of [cuttable, packetOf(576), packetOf(1280, true)]) {
    assert.deepEqual(made.admit(packet), { isAdmitted: true, packet });
  }
  assert.deepEqual(made.told, []);
});

Deno.test("PathMtu.admit: senders are told at a bounded rate", () => {
  const made = fixture();
  made.route.mtu = 1280;
  for (let i = 0; i < ANSWERS_AT_ONCE_MAX + 50; i++) assert.equal(made.admit(packetOf(1400)).isAdmitted, false);
  assert.equal(made.told.length, ANSWERS_AT_ONCE_MAX);
  made.now.nowMs += 100;
  made.admit(packetOf(1400));
  assert.equal(made.told.length, ANSWERS_AT_ONCE_MAX + 1);
});

Deno.test("PathMtu: TCP connections open with segments that fit, in both directions and families", () => {
  const made = fixture();
  made.route.mtu = 1124;
  assert.equal(mssOf(made.admit(syn()).packet), 1064 - 40);
  assert.equal(mssOf(made.admit(syn(true)).packet), 1064 - 60, "also below what every IPv6 link carries");
  const incoming = syn();
  assert.equal(made.paths.arrive(incoming, 0, incoming.length, made.peer, made.now), true);
  assert.equal(mssOf(incoming), 1064 - 40);
  assert.equal(mssOf(fixture().admit(syn()).packet), TUNNEL_MTU - 40, "no more than the tunnel's interface takes");
});

Deno.test("PathMtu.admit: small packets cost no question", () => {
  const made = fixture();
  assert.equal(made.admit(packetOf(100)).isAdmitted, true);
  assert.equal(made.admit(packetOf(576)).isAdmitted, true);
  assert.deepEqual(made.asked, []);
});

Deno.test("PathMtu: a way that loses what is too long in silence is found out, and senders are told", () => {
  const made = fixture();
  const probes: number[] = [];
  const replies: Uint8Array[] = [];
  const paths = new PathMtu({
    routeMtu: () => 1500,
    toHost: (buffer, offset, length) => made.told.push(buffer.slice(offset, offset + length)),
    tunnelMtu: TUNNEL_MTU,
    probes: {
      random: new SeededRandom(1),
      send(peer, buffer, offset, length) {
        assert.equal(peer.path.packetBytesMax, length, "is not padded");
        probes.push(length);
        if (length + outerBytes(4) > 1280) return;
        const reply = buffer.slice(offset, offset + 36);
        reply[20] = 0;
        replies.push(reply);
      },
    },
  });
  const admit = (length: number) => paths.admit(packetOf(length), 0, length, made.peer, made.now);
  assert.equal(admit(900), true);
  assert.equal(paths.nextDeadlineMs(), Infinity, "not for small packets");
  made.now.nowMs += PATH_AGE_MS;
  assert.equal(admit(1400), true);
  while (paths.nextDeadlineMs() < Infinity) {
    made.now.nowMs = Math.max(made.now.nowMs, paths.nextDeadlineMs());
    paths.expire(made.now);
    for (const reply of replies.splice(0)) {
      assert.equal(paths.arrive(reply, 0, reply.length, made.peer, made.now), false, "is not for the host");
    }
  }
  assert.equal(probes[0], TUNNEL_MTU);
  assert.equal(admit(1400), false);
  assert.equal(made.told[0]![26]! << 8 | made.told[0]![27]!, 1220);

  const count = probes.length;
  made.peer.endpointChangeCount++;
  assert.equal(admit(1400), true, "somewhere else");
  paths.expire(made.now);
  assert.ok(probes.length > count);
  paths.forgetAll(made.now);
  assert.equal(paths.nextDeadlineMs(), Infinity);
});

Deno.test("PathMtu: without a session nothing is asked", () => {
  const made = fixture();
  const paths = new PathMtu({
    routeMtu: () => 1500,
    toHost: () => {},
    tunnelMtu: TUNNEL_MTU,
    probes: { random: new SeededRandom(1), send: () => assert.fail("it would wait, and be cut") },
  });
  const peer = {
    ...made.peer,
    sessionState: (nowMs: number) => nowMs < 6_000 ? "established" as const : "none" as const,
  };
  paths.admit(packetOf(1400), 0, 1400, { ...peer, sessionState: () => "handshaking" }, made.now);
  assert.equal(paths.nextDeadlineMs(), Infinity);
  made.now.nowMs += PATH_AGE_MS - 1;
  paths.admit(packetOf(1400), 0, 1400, { ...peer, endpointChangeCount: 7 }, made.now);
  made.now.nowMs = 6_000;
  paths.expire(made.now);
});
