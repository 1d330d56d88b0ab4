/**
 * What people get wrong, one by one: each is refused with words that help and the right exit code, and nothing is lost
 * or half done, neither on the host nor in the data directory nor in the mesh.
 */
import assert from "node:assert/strict";
import { listenOn, rawJoin, weft } from "./commands.ts";
import type { CommandOptions } from "./lab/command.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { MeshLab, type MeshNode, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun"];
/** A start that is refused says so within this time. */
const REFUSED_MS = 20_000;
/** Joining gives up after 30 s. */
const JOIN_GIVES_UP_MS = 45_000;

/** RFC 7748 §6.1: keys that are valid and nobody's. */
const KEYS = ["hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="] as const;

interface Refusal {
  readonly code: number;
  readonly says: RegExp;
  /** What the line behind `next:` says. */
  readonly next?: RegExp;
  readonly options?: CommandOptions;
}

/** Everything in a directory: names, modes and contents. */
async function contentsOf(directory: string): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  const walk = async (path: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(path)) {
      const inner = `${path}/${name}`;
      if (isDirectory) await walk(inner);
      else if (isFile && name !== "LOCK") {
        const { mode } = await Deno.stat(inner);
        contents.set(inner, `${mode?.toString(8)} ${(await Deno.readFile(inner)).toHex()}`);
      }
    }
  };
  await walk(directory).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return contents;
}

async function interfaces(host: Host): Promise<string> {
  return await host.mustExec(["ip", "-o", "link"]);
}

/** Runs `weft run` of this node with `args` and without anything else, which must be refused. */
async function refused(node: MeshNode, args: readonly string[], expected: Refusal): Promise<void> {
  const before = await contentsOf(node.dataDir);
  const own = ["run", "--node-id", node.host.name, "--data-dir", node.dataDir, "--log-format", "text"];
  const { code, stderr, stdout } = await weft(node.host, [...own, ...args], {
    deadlineMs: REFUSED_MS,
    ...expected.options,
  });
  checkRefusal(args.join(" "), code, stderr, expected);
  assert.equal(stdout, "", "talk goes to standard error");
  assert.doesNotMatch(await interfaces(node.host), /weft0/);
  const after = await contentsOf(node.dataDir);
  for (const [path, content] of before) {
    // Handshake times are reserved ahead of their use, and may be skipped.
    if (!path.endsWith("/timestamp")) assert.equal(after.get(path), content, `${path} was changed`);
  }
}

function checkRefusal(what: string, code: number, stderr: string, { code: expected, says, next }: Refusal): void {
  assert.equal(code, expected, `${what}\n${stderr}`);
  const errors = [...stderr.matchAll(/^error: (.*)$/gm)].map((match) => match[1] ?? "");
  assert.equal(errors.length, 1, `${what}: one error line\n${stderr}`);
  assert.match(errors[0] ?? "", says, `${what}\n${stderr}`);
  assert.doesNotMatch(stderr, /^ +at .*:\d+:\d+/m, `${what}: no stack`);
  if (next) assert.match(/^next: (.*)$/m.exec(stderr)?.[1] ?? "", next, `${what}\n${stderr}`);
}

labTest("options that cannot be used: refused before anything is opened", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  const start = ["--bootstrap", "--insecure"];
  const cases: [name: string, args: string[], says: RegExp, next?: RegExp][] = [
    ["an option nobody knows", [...start, "--mto", "1400"], /Unknown option "--mto"\. Did you mean --mtu\?/, /--help/],
    [
      "a CIDR without length",
      [...start, "--ipv4-network", "10.0.0.0"],
      /ipv4-network "10\.0\.0\.0" from --ipv4-network/,
    ],
    ["a CIDR that is too long", [...start, "--ipv4-network", "10.0.0.0/33"], /expected an IPv4 CIDR/],
    ["a network without room", [...start, "--ipv4-network", "10.0.0.0/31"], /prefix length must be 8 to 30/],
    ["an IPv6 CIDR for IPv4", [...start, "--ipv4-network", "fd00::/8"], /expected an IPv4 CIDR/],
    ["an endpoint that is a name", [...start, "--endpoint", "nas.example"], /endpoint "nas\.example"/],
    ["an endpoint with a port", [...start, "--primary-endpoint", "192.0.2.1:51820"], /without port/],
    ["an endpoint nobody can reach", [...start, "--endpoint", "127.0.0.1"], /other hosts cannot reach/],
    ["a feature nobody knows", [...start, "--feature", "mesh-dsn"], /no such feature\. Did you mean "mesh-dns"\?/],
    ["a join address without port", ["--join", "192.0.2.1", "--insecure"], /expected HOST:PORT/],
    ["a port that is none", [...start, "--wireguard-listen-port", "65536"], /from 0 to 65535/],
    ["an MTU IPv6 cannot live with", [...start, "--mtu", "1279"], /from 1280 to/],
    ["an interface name that is too long", [...start, "--interface", "weft-interface-0"], /longer than 15 bytes/],
    ["both ways to begin", [...start, "--join", "192.0.2.1:8443"], /--bootstrap with --join/, /first node only/],
    [
      "neither TLS nor the word that there is none",
      ["--bootstrap"],
      /neither TLS files nor --insecure/,
      /three TLS files/,
    ],
    ["a log level nobody knows", [...start, "--log-level", "inof"], /Did you mean "info"\?/],
  ];
  for (const [name, args, says, next] of cases) {
    await t.step(name, () => refused(node, args, { code: 2, says, ...(next ? { next } : {}) }));
  }
  await t.step(
    "a node id that cannot be a name",
    () => refused(node, [...start, "--node-id", "-a"], { code: 1, says: /node id "-a"/, next: /--node-id/ }),
  );
  assert.equal((await contentsOf(node.dataDir)).size, 0, "no refusal left anything");
});

labTest("configuration files and variables: refused by file and line, or by name", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  const directory = await Deno.makeTempDir();
  const file = async (name: string, text: string): Promise<string[]> => {
    await Deno.writeTextFile(`${directory}/${name}`, text);
    return ["--config", `${directory}/${name}`];
  };
  try {
    const cases: [name: string, text: string, says: RegExp][] = [
      ["unknown.yaml", "insecure: true\n\nmto: 1\n", /"mto" in \S+unknown\.yaml line 3\. Did you mean "mtu"\?/],
      ["syntax.yaml", "insecure: true\nbootstrap: [\n", /Cannot parse \S+syntax\.yaml line 3/],
      ["unknown.toml", "insecure = true\nmto = 1\n", /"mto" in \S+unknown\.toml line 2\. Did you mean "mtu"\?/],
      ["syntax.toml", "insecure = true\nmtu = \n", /Cannot parse \S+syntax\.toml line 2/],
      ["unknown.json", '{\n  "insecure": true,\n  "mto": 1\n}\n', /"mto" in \S+unknown\.json line 3/],
      ["kind.yaml", "mtu: wide\n", /"mtu" in \S+kind\.yaml line 1: expected a number/],
      ["range.yaml", "insecure: true\nmtu: 1\n", /mtu "1" from \S+range\.yaml line 2/],
    ];
    for (const [name, text, says] of cases) {
      await t.step(name, async () => refused(node, await file(name, text), { code: 2, says }));
    }
    await t.step("no such file", () => refused(node, ["--config", "/none.yaml"], { code: 2, says: /"\/none\.yaml"/ }));
    await t.step("a directory", () => refused(node, ["--config", directory], { code: 2, says: /Is a directory/ }));
    await t.step(
      "a file without end",
      () => refused(node, ["--config", "/dev/zero"], { code: 2, says: /longer than \d+ bytes/ }),
    );
    for (const [variable, value] of [["WEFT_MTU", "wide"], ["WEFT_INSECURE", "yes"]] as const) {
      const expected = { code: 2, says: new RegExp(variable), options: { env: { [variable]: value } } };
      await t.step(variable, () => refused(node, ["--bootstrap"], expected));
    }
    assert.equal((await contentsOf(node.dataDir)).size, 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A prefix that runs a command as nobody, with Deno's cache where nobody may read it. */
async function asNobody(cache: string): Promise<string[]> {
  const { denoDir } = JSON.parse(
    new TextDecoder().decode((await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()).stdout),
  ) as { denoDir: string };
  await Deno.mkdir(cache);
  const script = `mount --bind '${denoDir}' '${cache}' && exec setpriv --reuid=65534 --regid=65534 --clear-groups ` +
    `env DENO_DIR='${cache}' HOME=/nonexistent "$@"`;
  return ["unshare", "--mount", "sh", "-c", script, "sh"];
}

labTest("rights and devices that are missing", [...NEEDS, "command:setpriv", "command:unshare"], async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  const directory = await Deno.makeTempDir();
  const startIn = async (prefix: readonly string[], dataDir: string) => {
    const args = ["run", "--bootstrap", "--insecure", "--data-dir", dataDir, "--log-format", "text"];
    return await node.host.exec([...prefix, ...sourceProgram().command(...args).command], { deadlineMs: REFUSED_MS });
  };
  try {
    await Deno.chmod(directory, 0o755);
    const nobody = await asNobody(`${directory}/cache`);
    await t.step("not root", async () => {
      await Deno.mkdir(`${directory}/own`);
      await Deno.chown(`${directory}/own`, 65534, 65534);
      const { code, stderr } = await startIn(nobody, `${directory}/own`);
      checkRefusal("not root", code, stderr, { code: 5, says: /weft0.*EPERM/, next: /root.*CAP_NET_ADMIN/ });
    });
    await t.step("a data directory of somebody else", async () => {
      await Deno.mkdir(`${directory}/other`, { mode: 0o700 });
      const { code, stderr } = await startIn(nobody, `${directory}/other`);
      checkRefusal("other", code, stderr, { code: 1, says: /Cannot use data directory/, next: /--data-dir/ });
      assert.equal((await contentsOf(`${directory}/other`)).size, 0);
    });
    await t.step("no TUN device", async () => {
      const hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"];
      const { code, stderr } = await startIn(hidden, `${directory}/tun`);
      checkRefusal("no TUN", code, stderr, { code: 5, says: /no \/dev\/net\/tun/, next: /modprobe tun/ });
    });
    assert.doesNotMatch(await interfaces(node.host), /weft0/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

labTest("ports and names that are taken", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  const start = ["--bootstrap", "--insecure", "--primary-endpoint", node.host.ipv4];
  const ports: [name: string, kind: "tcp" | "udp", port: number][] = [
    ["gRPC", "tcp", 8443],
    ["Raft", "tcp", 9443],
    ["WireGuard", "udp", 51820],
  ];
  for (const [name, kind, port] of ports) {
    await t.step(`${name} port`, async () => {
      await using _holder = await listenOn(node.host, kind, port);
      await refused(node, start, { code: 1, says: new RegExp(`\\b${port}\\b.*in use`), next: /port|listen/ });
    });
  }
  await t.step("interface name", async () => {
    await node.host.ip("link add weft1 type bridge");
    const expected = { code: 1, says: /"weft1" is taken/, next: /ip link delete weft1/ };
    await refused(node, [...start, "--interface", "weft1"], expected);
    assert.match(await interfaces(node.host), /weft1/, "what is not ours stays");
  });
  await t.step(
    "an address this host does not have",
    () => refused(node, [...start, "--grpc-listen", "198.51.100.1:8443"], { code: 1, says: /198\.51\.100\.1:8443/ }),
  );
  await t.step("and without these it starts", () => node.start(...start));
});

labTest("private keys that cannot be used, and never shown", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  const start = ["--bootstrap", "--primary-endpoint", node.host.ipv4];
  await node.start(...start);
  const { publicKey } = (await node.mustStatus()).addresses;
  assert.equal(await node.end("SIGTERM"), 0);
  const file = `${node.dataDir}/private.key`;
  const key = await Deno.readTextFile(file);
  const insecure = ["--insecure"];
  await t.step("readable by others", async () => {
    await Deno.chmod(file, 0o644);
    await refused(node, insecure, { code: 1, says: /private\.key.*mode is 0644/, next: /chmod 600 \S+private\.key/ });
    await Deno.chmod(file, 0o600);
  });
  for (const [name, text] of [["garbage", "garbage\n"], ["two keys", key + key], ["empty", ""]] as const) {
    await t.step(name, async () => {
      await Deno.writeTextFile(file, text);
      const expected = { code: 1, says: /private\.key.*44 base64 characters/, next: /backup/ };
      await refused(node, insecure, expected);
    });
  }
  await t.step("restored, the node is who it was", async () => {
    await Deno.writeTextFile(file, key);
    await node.start();
    assert.equal((await node.mustStatus()).addresses.publicKey, publicKey);
  });
});

labTest("data directories: in use, of another node, damaged", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  const endpoint = ["--primary-endpoint", node.host.ipv4];
  await node.start("--bootstrap", ...endpoint);
  const before = await node.mustStatus();
  await t.step("in use", async () => {
    const own = ["run", "--insecure", "--node-id", "a", "--data-dir", node.dataDir, "--log-format", "text"];
    const { code, stderr } = await weft(node.host, own, { deadlineMs: REFUSED_MS });
    checkRefusal("in use", code, stderr, { code: 1, says: /in use by weft, process \d+/, next: /--data-dir/ });
    assert.equal((await node.mustStatus()).addresses.publicKey, before.addresses.publicKey, "the first one goes on");
  });
  assert.equal(await node.end("SIGTERM"), 0);
  await t.step("of another node", () =>
    refused(node, ["--insecure", "--node-id", "b"], {
      code: 1,
      says: /belongs to node "a", not to "b"/,
      next: /--node-id=a/,
    }));
  await t.step("a damaged log", async () => {
    const { path, restore } = await damageLog(`${node.dataDir}/raft/wal`);
    const says = new RegExp(`${path.replace(/.*\//, "")} at offset \\d+`);
    await refused(node, ["--insecure"], { code: 1, says, next: /backup/ });
    await restore();
  });
  await t.step("restored, the node has everything", async () => {
    await node.start(...endpoint);
    const after = await node.mustStatus();
    assert.deepEqual(after.addresses, before.addresses);
    assert.equal(after.raft.stateHash.length, 64);
  });
});

/** Flips a bit in the middle of the newest file below `directory`, where a torn write cannot explain it. */
async function damageLog(directory: string): Promise<{ path: string; restore: () => Promise<void> }> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  const path = `${directory}/${names.at(-1)}`;
  const bytes = await Deno.readFile(path);
  const written = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const damaged = bytes.slice();
  // The content of the sector in the middle: sectors are 512 bytes, a trailer is at the end of each.
  const middle = Math.floor(written / 1024) * 512 + 24;
  damaged[middle] = (damaged[middle] ?? 0) ^ 0x01;
  await Deno.writeFile(path, damaged);
  return { path, restore: () => Deno.writeFile(path, bytes) };
}

labTest("joining what is no mesh, and what does not answer", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const other = await lab.lab.host("other");
  await using _web = await listenOn(other, "http", 8080);
  await using _old = await listenOn(other, "oldHttp", 8081);
  const cases: [name: string, server: string, code: number][] = [
    ["closed", `${other.ipv4}:8443`, 6],
    ["nobody", "192.0.2.200:8443", 6],
    ["web", `${other.ipv4}:8080`, 1],
    ["oldweb", `${other.ipv4}:8081`, 6],
    ["noname", "nas.invalid:8443", 6],
  ];
  // At once, because most of them take the whole time that joining may take.
  const outcomes = await Promise.allSettled(cases.map(async ([name, server, code]) => {
    const node = await lab.node(name);
    const options = { deadlineMs: JOIN_GIVES_UP_MS };
    const says = new RegExp(server.replace(/\./g, "\\."));
    await refused(node, ["--insecure", "--join", server], {
      code,
      says,
      ...(code === 6 ? { next: /port/ } : {}),
      options,
    });
  }));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  const node = await lab.node("alone");
  await refused(node, ["--insecure"], { code: 4, says: /no mesh yet/, next: /--bootstrap.*--join/ });
});

labTest("joins that the mesh refuses: nothing is left in it", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const leader = await lab.node("a");
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  const stranger = await lab.node("stranger");
  const address = `${leader.host.ipv4}:8443`;
  const before = await leader.mustStatus();
  const unchanged = async () => {
    const { raft } = await leader.mustStatus();
    assert.equal(raft.stateHash, before.raft.stateHash);
    assert.equal(raft.members.length, 1);
  };
  await t.step("an id that another key holds", async () => {
    const expected = { code: 1, says: /another node has this id/i, next: /--node-id/ };
    await refused(stranger, ["--insecure", "--join", address, "--node-id", "a"], expected);
    await unchanged();
    const { code } = await rawJoin(stranger.host, address, { id: "a", publicKey: KEYS[0] });
    assert.equal(code, "ALREADY_EXISTS");
    await unchanged();
  });
  const requests: [name: string, request: Record<string, unknown>, code: string][] = [
    ["nothing", {}, "INVALID_ARGUMENT"],
    ["no id", { publicKey: KEYS[0] }, "INVALID_ARGUMENT"],
    ["no key", { id: "b" }, "INVALID_ARGUMENT"],
    ["a key that is none", { id: "b", publicKey: "AAAA" }, "INVALID_ARGUMENT"],
    ["an id that is no name", { id: "b b", publicKey: KEYS[0] }, "INVALID_ARGUMENT"],
    ["an endpoint that is none", { id: "b", publicKey: KEYS[0], primaryEndpoint: "here" }, "INVALID_ARGUMENT"],
    ["a port that is none", { id: "b", publicKey: KEYS[0], wireguardPort: 70_000 }, "INVALID_ARGUMENT"],
    ["the key of another node", { id: "b", publicKey: before.addresses.publicKey }, "ALREADY_EXISTS"],
  ];
  for (const [name, request, code] of requests) {
    await t.step(`a request with ${name}`, async () => {
      const outcome = await rawJoin(stranger.host, address, request);
      assert.equal(outcome.code, code, outcome.message);
      assert.notEqual(outcome.message, "");
      await unchanged();
    });
  }
});

labTest("an IPv4 network without a free address", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const leader = await lab.node("a");
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4, "--ipv4-network", "10.83.0.0/30");
  const address = `${leader.host.ipv4}:8443`;
  const stranger = await lab.node("stranger");
  const first = await rawJoin(stranger.host, address, { id: "b", publicKey: KEYS[0], assignIpv4: true });
  assert.equal(first.code, "OK", first.message);
  assert.equal(first.response?.addressIpv4, "10.83.0.2/30");
  const second = await rawJoin(stranger.host, address, { id: "c", publicKey: KEYS[1], assignIpv4: true });
  assert.equal(second.code, "RESOURCE_EXHAUSTED");
  await refused(stranger, ["--insecure", "--join", address], {
    code: 1,
    says: /IPv4 network has no address left/,
    next: /--no-ipv4/,
    options: { deadlineMs: JOIN_GIVES_UP_MS },
  });
  const without = await rawJoin(stranger.host, address, { id: "c", publicKey: KEYS[1] });
  assert.equal(without.code, "OK", without.message);
  assert.equal(without.response?.addressIpv4 ?? "", "");
});

labTest("a member that does not lead: the joiner is sent on, a raw request is told where", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [leader, member] = [await lab.node("a"), await lab.node("b")];
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  await member.start("--join", `${leader.host.ipv4}:8443`, "--primary-endpoint", member.host.ipv4);
  const other = await lab.node("c");
  const raw = await rawJoin(other.host, `${member.host.ipv4}:8443`, { id: "c", publicKey: KEYS[0] });
  assert.equal(raw.code, "FAILED_PRECONDITION", raw.message);
  assert.equal(raw.trailers["leader-address"], `${leader.host.ipv4}:8443`);
  await other.start("--join", `${member.host.ipv4}:8443`);
  await eventually("three nodes", async () => (await leader.mustStatus()).raft.members.length === 3, WHOLE_MS);
  assert.equal((await other.mustStatus()).currentLeader, "a");
});

labTest("an address that is dead beside one that works", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [leader, other] = [await lab.node("a"), await lab.node("b")];
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  const process = other.spawn("--join", `192.0.2.99:1,${leader.host.ipv4}:8443`);
  await process.waitForLine((line) => line.includes('"message":"ready"'), READY_MS);
});
