/** mesh_dns as dig, kdig and dnsperf see it. */
import assert from "node:assert/strict";
import { has, say, startDnsNode } from "../plugins/mesh_dns/dns_node.ts";

const FILE = "mesh_dns_test.ts";
const KEY = new Uint8Array(32).fill(3).toBase64();

Deno.test({
  name: "mesh_dns: dig reads every type, over UDP and TCP, with and without EDNS",
  ignore: !has("dig", FILE),
  async fn() {
    const { node, port } = await startDnsNode({}, [{ name: "lunch", type: "TXT", texts: ["soup"], ttlSeconds: 60 }]);
    await using _ = node;
    const dig = async (...args: readonly string[]) =>
      (await say("dig", "@127.0.0.1", "-p", `${port}`, "+tries=2", ...args)).trim();
    for (const how of ["+notcp", "+tcp", "+noedns", "+bufsize=512"]) {
      assert.equal(await dig("+short", how, "A.webmesh.internal", "A"), "10.83.0.1");
      assert.match(await dig("+short", how, "a.webmesh.internal", "TXT"), /"id=a" "raft_port=/);
      assert.equal(await dig("+short", how, "-x", "10.83.0.1"), "a.webmesh.internal.");
    }
    const ipv6 = await dig("+short", "a.webmesh.internal", "AAAA");
    assert.equal(await dig("+short", "-x", ipv6), "a.webmesh.internal.");
    assert.equal(await dig("+short", "leader.webmesh.internal", "A"), "a.webmesh.internal.\n10.83.0.1");
    assert.equal(await dig("+short", "lunch.webmesh.internal", "TXT"), '"soup"');
    assert.match(await dig("+short", "_grpc._tcp.webmesh.internal", "SRV"), /^0 0 [0-9]+ a\.webmesh\.internal\.$/);
    assert.match(await dig("+short", "_wireguard._udp.webmesh.internal", "SRV"), /^0 0 51820 endpoint\.a\./);
    assert.match(await dig("webmesh.internal", "AXFR"), /Transfer failed/);
    assert.match(await dig("nobody.webmesh.internal", "A"), /NXDOMAIN[\s\S]*\t5\tIN\tSOA/);
    assert.match(await dig("+edns=1", "+noednsneg", "a.webmesh.internal", "A"), /BADVERS/);
    assert.match(await dig("+opcode=UPDATE", "a.webmesh.internal", "A"), /NOTIMP/);
  },
});

Deno.test({
  name: "mesh_dns: dig and kdig sign, and verify what comes back",
  ignore: !has("dig", FILE) || !has("kdig", FILE),
  async fn() {
    const { node, port } = await startDnsNode({ "tsig-key": `mesh.key:${KEY}` });
    await using _ = node;
    const at = ["@127.0.0.1", "-p", `${port}`, "a.webmesh.internal", "A"];
    for (const tcp of [[], ["+tcp"]]) {
      for (const program of ["dig", "kdig"]) {
        const good = await say(program, "-y", `hmac-sha256:mesh.key:${KEY}`, ...tcp, ...at);
        assert.match(good, /10\.83\.0\.1/);
        assert(!/not verify|failure|WARNING: .*TSIG|BADSIG/i.test(good), good);
        assert.match(await say(program, ...tcp, ...at), /REFUSED/);
      }
      const wrong = new Uint8Array(32).fill(4).toBase64();
      assert.match(await say("dig", "-y", `hmac-sha256:mesh.key:${wrong}`, ...tcp, ...at), /NOTAUTH|BADSIG/);
    }
  },
});
