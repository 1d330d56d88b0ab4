/** mesh_dns as dig, kdig and dnsperf see it. */
import assert from "node:assert/strict";
import { has, say, startDnsNode } from "../plugins/mesh_dns/dns_node.ts";

const FILE = "mesh_dns_test.ts";
const HOST = "127.0.0.1";
const HAS_IPV6 = Deno.networkInterfaces().some(({ address }) => address === "::1");
const KEY = new Uint8Array(32).fill(3).toBase64();

Deno.test({
  name: "mesh_dns: dig reads every type, over UDP and TCP, with and without EDNS",
  ignore: !has("dig", FILE),
  async fn() {
    const { node, port } = await startDnsNode({}, [{ name: "lunch", type: "TXT", texts: ["soup"], ttlSeconds: 60 }]);
    await using _ = node;
    const dig = async (...args: readonly string[]) =>
      (await say("dig", `@${HOST}`, "-p", `${port}`, "+tries=2", ...args)).trim();
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
  name: "mesh_dns: dig and kdig read the same of every type, over UDP and TCP, IPv4 and IPv6",
  ignore: !has("dig", FILE) || !has("kdig", FILE),
  async fn() {
    const { node, port } = await startDnsNode({ listen: "[::]:0" }, [
      { name: "lunch", type: "CNAME", target: "a", ttlSeconds: 60 },
    ]);
    await using _ = node;
    const short = async (program: string, host: string, ...args: readonly string[]) =>
      (await say(program, `@${host}`, "-p", `${port}`, "+short", ...args)).trim();
    const ipv6 = await short("dig", HOST, "a.webmesh.internal", "AAAA");
    assert.match(ipv6, /^fd[0-9a-f:]+$/);
    const reverse = (address: string) => [["-x", address], /^a\.webmesh\.internal\.$/] as const;
    const expected: readonly (readonly [args: readonly string[], RegExp])[] = [
      [["a.webmesh.internal", "A"], /^10\.83\.0\.1$/],
      [["A.WebMesh.Internal", "AAAA"], new RegExp(`^${ipv6}$`)],
      [["anything.below.a.webmesh.internal", "A"], /^10\.83\.0\.1$/],
      [["endpoint.a.webmesh.internal", "A"], /^127\.0\.0\.1$/],
      [
        ["a.webmesh.internal", "TXT"],
        /^"id=a" "raft_port=[0-9]+" "grpc_port=[0-9]+" "wireguard_port=51820" "primary_end/,
      ],
      [["webmesh.internal", "SOA"], /^a\.webmesh\.internal\. hostmaster\.webmesh\.internal\. [0-9]+ 60 10 86400 5$/],
      [["webmesh.internal", "NS"], /^a\.webmesh\.internal\.$/],
      [["leader.webmesh.internal", "CNAME"], /^a\.webmesh\.internal\.$/],
      [["lunch.webmesh.internal", "A"], /^a\.webmesh\.internal\.\n10\.83\.0\.1$/],
      [["_grpc._tcp.webmesh.internal", "SRV"], /^0 0 [0-9]+ a\.webmesh\.internal\.$/],
      [["_grpc._tcp.a.webmesh.internal", "SRV"], /^0 0 [0-9]+ a\.webmesh\.internal\.$/],
      [["_wireguard._udp.webmesh.internal", "SRV"], /^0 0 51820 endpoint\.a\.webmesh\.internal\.$/],
      [["10.in-addr.arpa", "ANY"], /^$/],
      reverse("10.83.0.1"),
      reverse(ipv6),
      // NODATA, and no such name.
      [["a.webmesh.internal", "MX"], /^$/],
      [["nobody.webmesh.internal", "A"], /^$/],
    ];
    for (const program of ["dig", "kdig"]) {
      for (const how of ["+notcp", "+tcp", "+noedns", "+bufsize=1232", "+dnssec"]) {
        const host = how === "+tcp" && HAS_IPV6 ? "::1" : HOST;
        await Promise.all(expected.map(async ([args, wanted]) => {
          assert.match(await short(program, host, how, ...args), wanted, `${program} ${how} ${args.join(" ")}`);
        }));
      }
      const any = await say(program, `@${HOST}`, "-p", `${port}`, "+tcp", "a.webmesh.internal", "ANY");
      assert.match(any, /NOERROR[\s\S]*a\.webmesh\.internal\.\s+30\s+IN\s+A\s+10\.83\.0\.1/, program);
    }
  },
});

Deno.test({
  name: "mesh_dns: dnsperf loses nothing, over UDP and TCP",
  ignore: !has("dnsperf", FILE),
  async fn() {
    const { node, port } = await startDnsNode();
    await using _ = node;
    const queries = await Deno.makeTempFile({ prefix: "weft-dnsperf-" });
    try {
      await Deno.writeTextFile(
        queries,
        "a.webmesh.internal A\nwww.a.webmesh.internal AAAA\nleader.webmesh.internal A\na.webmesh.internal TXT\n",
      );
      for (const mode of ["udp", "tcp"]) {
        const args = ["-s", HOST, "-p", `${port}`, "-d", queries, "-m", mode, "-l", "1", "-c", "4", "-q", "50"];
        const said = await say("dnsperf", ...args);
        const [, sent, completed] = /Queries sent:\s+(\d+)[\s\S]*Queries completed:\s+(\d+)/.exec(said) ?? [];
        assert.match(said, /Queries lost:\s+0 /, said);
        assert.match(said, /Response codes:\s+NOERROR \d+ \(100\.00%\)/, said);
        assert(sent === completed && Number(sent) > 100, said);
      }
    } finally {
      await Deno.remove(queries);
    }
  },
});

Deno.test({
  name: "mesh_dns: dig and kdig sign, and verify what comes back",
  ignore: !has("dig", FILE) || !has("kdig", FILE),
  async fn() {
    const { node, port } = await startDnsNode({ "tsig-key": `mesh.key:${KEY}` });
    await using _ = node;
    const at = [`@${HOST}`, "-p", `${port}`, "a.webmesh.internal", "A"];
    const wrong = new Uint8Array(32).fill(4).toBase64();
    for (const tcp of [[], ["+tcp"]]) {
      for (const program of ["dig", "kdig"]) {
        const signed = (key: string, ...more: readonly string[]) => say(program, "-y", key, ...tcp, ...more, ...at);
        const good = await signed(`hmac-sha256:mesh.key:${KEY}`);
        assert.match(good, /10\.83\.0\.1/);
        assert(!/not verify|failure|WARNING: .*TSIG|BADSIG/i.test(good), good);
        assert.match(await say(program, ...tcp, ...at), /REFUSED/);
        const refused: readonly (readonly [key: string, RegExp])[] = [
          [`hmac-sha256:mesh.key:${wrong}`, /NOTAUTH|BADSIG/],
          [`hmac-sha256:other.key:${KEY}`, /NOTAUTH|BADKEY/],
          [`hmac-sha512:mesh.key:${KEY}`, /NOTAUTH|BADKEY/],
        ];
        for (const [key, why] of refused) {
          const said = await signed(key);
          assert.match(said, why, said);
          assert(!said.includes("10.83.0.1"), said);
        }
      }
      // A clock that is hours off, and MACs that are cut, to half and to less.
      const key = (algorithm: string) => ["-y", `${algorithm}:mesh.key:${KEY}`, ...tcp];
      assert.match(await say("dig", ...key("hmac-sha256"), `+fuzztime=${Date.UTC(2020, 0) / 1000}`, ...at), /BADTIME/);
      assert.match(await say("dig", ...key("hmac-sha256-128"), ...at), /10\.83\.0\.1/);
      assert(!(await say("dig", ...key("hmac-sha256-80"), ...at)).includes("10.83.0.1"));
    }
  },
});
