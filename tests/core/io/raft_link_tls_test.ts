/**
 * Links inside TLS, with certificates that openssl makes.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { LinkTls } from "../../../core/io/raft_link_socket.ts";
import { FAST, heartbeat, Member, rounds, soon } from "./raft_link_lab.ts";

const hasOpenssl = await (async () => {
  try {
    return (await new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
})();
if (!hasOpenssl) console.log("raft_link_tls_test: skipped, there is no openssl to make certificates with");

/** An authority and certificates it signed, one for each name. */
async function makeCertificates(authority: string, names: readonly string[]): Promise<Map<string, LinkTls>> {
  const directory = await Deno.makeTempDir({ prefix: "weft-tls-" });
  const openssl = async (line: string) => {
    const { success, stderr } = await new Deno.Command("openssl", { args: line.split(" "), cwd: directory }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  const read = (name: string) => Deno.readTextFile(`${directory}/${name}`);
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  await openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -days 2 -subj /CN=${authority}`);
  const made = new Map<string, LinkTls>();
  for (const name of names) {
    await openssl(`req ${key} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    // A name that is no address: members are dialled at addresses that certificates do not know.
    await Deno.writeTextFile(`${directory}/${name}.ext`, `subjectAltName=DNS:${name}`);
    const signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2";
    await openssl(`x509 -req -in ${name}.csr ${signing} -extfile ${name}.ext -out ${name}.pem`);
    made.set(name, {
      key: await read(`${name}.key`),
      cert: await read(`${name}.pem`),
      ca: await read("ca.pem"),
      mutual: true,
    });
  }
  await Deno.remove(directory, { recursive: true });
  return made;
}

/** The texts of `name`. */
function of(certificates: ReadonlyMap<string, LinkTls>, name: string): LinkTls {
  const tls = certificates.get(name);
  assert(tls);
  return tls;
}

Deno.test({
  name: "RaftLinks: members with certificates of one authority exchange messages",
  ignore: !hasOpenssl,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const certificates = await makeCertificates("mesh", ["a", "b"]);
    const [a, b] = [new Member(1), new Member(2)];
    const linksA = stack.use(await a.open({ tls: of(certificates, "a") }));
    const linksB = stack.use(await b.open({ tls: of(certificates, "b") }));
    for (const links of [linksA, linksB]) links.setMembers([a.describe(), b.describe()]);
    for (let round = 0; round < 50; round++) linksA.send(2, heartbeat(1, 2, round));
    linksB.send(1, heartbeat(2, 1, 7));
    await soon("all messages", () => rounds(b).length === 50 && rounds(a).length === 1);
    assert.deepEqual(rounds(b), [...Array(50).keys()]);
  },
});

Deno.test({
  name: "RaftLinks: without a certificate of the authority nobody gets as far as the handshake",
  ignore: !hasOpenssl,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const certificates = await makeCertificates("mesh", ["a", "b"]);
    const foreign = await makeCertificates("elsewhere", ["b"]);
    const [a, b] = [new Member(1), new Member(2)];
    const linksA = stack.use(await a.open({ tls: of(certificates, "a") }));
    linksA.setMembers([b.describe()]);
    // The dialer does not trust the acceptor, …
    assert.equal(await b.dial(a.describe(), { tls: of(foreign, "b") }), "tls-refused");
    // … the acceptor does not trust the dialer, …
    const trusting = { ...of(foreign, "b"), ca: of(certificates, "a").ca };
    assert.equal(typeof await b.dial(a.describe(), { tls: trusting }), "string");
    // … and who does not speak TLS is not understood.
    const impatient = { ...FAST, handshakeTimeoutMs: 200 };
    assert.equal(typeof await b.dial(a.describe(), { timings: impatient }), "string");
    await soon("all refusals", () => (linksA.stats().drops["tls-refused"] ?? 0) >= 3);
    assert.deepEqual(a.received, []);
    assert.equal(linksA.stats().inboundOpenCount, 0);
    const connection = await b.dial(a.describe(), { tls: of(certificates, "b") });
    assert(typeof connection !== "string", String(connection));
    connection[Symbol.dispose]();
    await connection.closed;
  },
});

Deno.test({
  name: "RaftLinks: a certificate alone does not make a member",
  ignore: !hasOpenssl,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const certificates = await makeCertificates("mesh", ["a", "b"]);
    const [a, b, impostor] = [new Member(1), new Member(2), new Member(2)];
    const linksA = stack.use(await a.open({ tls: of(certificates, "a") }));
    linksA.setMembers([b.describe()]);
    assert.equal(await impostor.dial(a.describe(), { tls: of(certificates, "b") }), "connection-lost");
    assert.deepEqual(linksA.stats().drops, { "bad-mac": 1 });
  },
});

Deno.test({
  name: "RaftLinks: who never finishes its TLS handshake is closed in time",
  ignore: !hasOpenssl,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const certificates = await makeCertificates("mesh", ["a"]);
    const a = new Member(1);
    const timings = { ...FAST, handshakeTimeoutMs: 100 };
    const linksA = stack.use(await a.open({ tls: of(certificates, "a"), timings }));
    using silent = await Deno.connect({ hostname: "127.0.0.1", port: a.port });
    assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
    assert.equal(linksA.stats().drops["handshake-timeout"], 1);
    assert.equal(linksA.stats().inboundHalfOpenCount, 0);
  },
});
