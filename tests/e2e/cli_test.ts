/**
 * The command line as scripts and people use it, against nodes that run.
 */
import assert from "node:assert/strict";
import { rawLeave, weft } from "./commands.ts";
import { eventually } from "./lab/eventually.ts";
import type { Host } from "./lab/host.ts";
import type { LabProcess } from "./lab/process.ts";
import { LAB_NEEDS, labTest, type Need } from "./lab/requirements.ts";
import { ping } from "./lab/traffic.ts";
import { MeshLab, type MeshNode, READY_MS, WHOLE_MS } from "./mesh_lab.ts";
import { sourceProgram } from "./programs.ts";

const NEEDS: readonly Need[] = [...LAB_NEEDS, "tun"];
/** From the signal to the end of the process. */
const STOPPED_MS = 5_000;

interface NodesJson {
  readonly schemaVersion: number;
  readonly nodes: readonly { readonly id: string; readonly clusterStatus: string; readonly privateIpv4: string }[];
}

/** A directory that is gone after the test. */
class Directory implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Directory> {
    return new Directory(await Deno.makeTempDir({ prefix: "weft-cli-" }));
  }

  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(`${this.path}/${name}`, text);
    return `${this.path}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Starts `weft …args` with `env`; does not wait. */
function start(host: Host, args: readonly string[], env: Readonly<Record<string, string>> = {}): LabProcess {
  return host.spawn(sourceProgram().command(...args).command, { env });
}

async function ready(process: LabProcess): Promise<LabProcess> {
  await process.waitForLine((line) => line.includes('"message":"ready"'), READY_MS);
  return process;
}

/** Sends `signal` and measures how long the process takes to end. */
async function stop(process: LabProcess, signal: Deno.Signal): Promise<{ readonly code: number; readonly ms: number }> {
  const beganMs = performance.now();
  process.signal(signal);
  const code = await process.ended(2 * STOPPED_MS);
  return { code, ms: performance.now() - beganMs };
}

labTest("a node is told by variables, by files of three kinds, or by flags over both", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  await using files = await Directory.create();
  const host = await lab.lab.host("host");
  const dataDir = `${files.path}/data`;
  const mtuAndId = async () => {
    const { code, stdout, stderr } = await weft(host, ["status", "--json", "--data-dir", dataDir]);
    assert.equal(code, 0, stderr);
    const { id, addresses } = JSON.parse(stdout);
    return [id, addresses.mtu, addresses.primaryEndpoint, addresses.endpoints.join()];
  };
  const json = JSON.stringify({
    "node-id": "file",
    mtu: 1300,
    insecure: true,
    endpoint: ["198.51.100.1", "198.51.100.2"],
  });
  const ways: [name: string, args: string[], env: Record<string, string>, expected: unknown[]][] = [
    ["variables", ["run"], {
      WEFT_BOOTSTRAP: "true",
      WEFT_INSECURE: "1",
      WEFT_NODE_ID: "variable",
      WEFT_DATA_DIR: dataDir,
      WEFT_MTU: "1350",
      WEFT_PRIMARY_ENDPOINT: "198.51.100.9",
      WEFT_ENDPOINT: "198.51.100.1,198.51.100.2",
    }, ["variable", 1350, "198.51.100.9", "198.51.100.1,198.51.100.2"]],
    [
      "a JSON file",
      ["run", "--bootstrap", "--data-dir", dataDir, "--config", await files.write("weft.json", json)],
      {},
      [
        "file",
        1300,
        "198.51.100.1",
        "198.51.100.2",
      ],
    ],
    [
      "a YAML file named by a variable",
      ["run", "--bootstrap", "--data-dir", dataDir],
      {
        WEFT_CONFIG: await files.write(
          "weft.yaml",
          "# A comment.\nnode-id: yaml\ninsecure: true\nprimary-endpoint: 198.51.100.3\n",
        ),
      },
      ["yaml", 1420, "198.51.100.3", ""],
    ],
    [
      "a TOML file, under a variable, under a flag",
      [
        ...["run", "--bootstrap", "--data-dir", dataDir, "--node-id", "flag"],
        ...["--config", await files.write("weft.toml", 'node-id = "toml"\nmtu = 1300\ninsecure = true\n')],
        ...["--primary-endpoint", "198.51.100.4"],
      ],
      { WEFT_NODE_ID: "variable", WEFT_MTU: "1350" },
      ["flag", 1350, "198.51.100.4", ""],
    ],
  ];
  for (const [name, args, env, expected] of ways) {
    await t.step(name, async () => {
      await using process = await ready(start(host, args, env));
      assert.deepEqual(await mtuAndId(), expected);
      assert.equal((await stop(process, "SIGTERM")).code, 0);
      await Deno.remove(dataDir, { recursive: true });
    });
  }
});

labTest("one node: asked by directory, socket, server and variables; stops on both signals", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  await node.start("--bootstrap", "--primary-endpoint", node.host.ipv4);
  const socket = `${node.dataDir}/weft.sock`;
  const server = `${node.host.ipv4}:8443`;
  await t.step("every way to the node gives the same answer", async () => {
    const ways: [args: string[], env: Record<string, string>][] = [
      [["--data-dir", node.dataDir], {}],
      [["--socket", socket], {}],
      [["--server", server, "--insecure"], {}],
      [["--server", `[${node.host.ipv6}]:8443`, "--insecure"], {}],
      [[], { WEFT_DATA_DIR: node.dataDir }],
      [[], { WEFT_SOCKET: socket }],
      [[], { WEFT_SERVER: server, WEFT_INSECURE: "true" }],
    ];
    for (const [args, env] of ways) {
      const { code, stdout, stderr } = await weft(node.host, ["status", "--json", ...args], { env });
      assert.equal(code, 0, `${args} ${JSON.stringify(env)}\n${stderr}`);
      assert.equal(stderr, "");
      const { schemaVersion, id, addresses, raft } = JSON.parse(stdout);
      assert.deepEqual([schemaVersion, id, addresses.grpcPort, raft.role], [1, "a", 8443, "leader"]);
      assert.match(stdout, /^\{\n {2}"schemaVersion": 1,\n/);
    }
  });
  await t.step("leaving is for the node's own user", async () => {
    const { code } = await weft(node.host, ["leave", "--server", server, "--insecure"]);
    assert.notEqual(code, 0);
    assert.equal((await node.mustStatus()).id, "a");
  });
  await t.step("a node that the mesh does not have", async () => {
    const { code, stderr } = await node.weft("status", "nobody");
    assert.equal(code, 1);
    assert.match(stderr, /^error: The mesh has no node "nobody"\nnext: .*weft nodes/);
  });
  await t.step("stdout is data: tables without colours in a pipe, nothing on standard error", async () => {
    for (const command of ["status", "nodes"]) {
      const { stdout, stderr } = await node.weft(command);
      assert.equal(stderr, "");
      assert(!stdout.includes("\u001b"));
      assert.match(stdout, /172\.16\.0\.1\/12/);
    }
  });
  await t.step("stopped: exit code 3 by every way, with what to do", async () => {
    assert.equal(await node.end("SIGTERM", STOPPED_MS), 0);
    for (const args of [["--data-dir", node.dataDir], ["--socket", socket], ["--server", server, "--insecure"]]) {
      for (const command of ["status", "nodes"]) {
        const { code, stdout, stderr } = await weft(node.host, [command, ...args]);
        assert.equal(code, 3, stderr);
        assert.equal(stdout, "");
        assert.match(stderr, /^error: .+\nnext: .+\n$/);
      }
    }
    const { code, error } = JSON.parse((await node.weft("status", "--json")).stderr);
    assert.deepEqual([code, error], [3, `No node listens on "${socket}"`]);
  });
  await t.step("killed: exit code 3 too, and it starts again over what is left", async () => {
    await node.start("--primary-endpoint", node.host.ipv4);
    assert.equal(await node.end("SIGKILL"), 137);
    assert.equal((await node.weft("status")).code, 3);
    await node.start("--primary-endpoint", node.host.ipv4);
  });
  await t.step("Ctrl-C ends it cleanly and in time", async () => {
    const beganMs = performance.now();
    assert.equal(await node.end("SIGINT", 2 * STOPPED_MS), 0);
    assert(performance.now() - beganMs < STOPPED_MS);
  });
});

labTest("a node that waits for its mesh stops at once, and is asked in vain", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const node = await lab.node(signal.toLowerCase());
    // A neighbour that is there and takes no notice: what is sent to it is lost without a word.
    await node.host.ip(`neigh add 192.0.2.200 lladdr 02:00:00:00:00:01 dev ${node.host.attachment.interfaceName}`);
    const process = node.spawn("--join", "192.0.2.200:8443");
    await eventually("an answer", async () => (await node.weft("status")).code !== 3, READY_MS);
    const { code: asked, stderr } = await node.weft("status");
    assert.equal(asked, 4, stderr);
    const { code, ms } = await stop(process, signal);
    assert.equal(code, 0, process.lines.join("\n"));
    assert(ms < STOPPED_MS, `${ms} ms`);
    assert.doesNotMatch(await node.host.mustExec(["ip", "-o", "link"]), /weft0/);
  }
});

labTest("a node whose mesh has no leader says so with exit code 8, and stops at once", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [a, b] = [await lab.node("a"), await lab.node("b")];
  await a.start("--bootstrap", "--primary-endpoint", a.host.ipv4);
  await b.start("--join", `${a.host.ipv4}:8443`, "--as-voter", "--primary-endpoint", b.host.ipv4);
  await eventually("two voters", async () => {
    return (await b.mustStatus()).raft.members.filter(({ voter }) => voter).length === 2;
  }, WHOLE_MS);
  assert.equal(await a.end("SIGKILL"), 137);
  await eventually("no leader", async () => (await b.mustStatus()).currentLeader === "", WHOLE_MS);
  assert.match((await b.weft("status")).stdout, /^b .* no leader /);
  const { code, stderr } = await b.weft("leave");
  assert.equal(code, 8, stderr);
  assert.match(stderr, /^error: .+\nnext: .+\n$/);
  assert.equal(await b.end("SIGTERM", STOPPED_MS), 0);
  // The same while it starts.
  const process = b.spawn("--primary-endpoint", b.host.ipv4);
  await process.waitForLine((line) => line.includes("waiting for the mesh"), READY_MS);
  assert.match((await b.weft("status")).stdout, /^b .* no leader /);
  const stopped = await stop(process, "SIGTERM");
  assert.equal(stopped.code, 0, process.lines.join("\n"));
  assert(stopped.ms < STOPPED_MS, `${stopped.ms} ms`);
});

labTest("a node that is told to stop while it starts stops at once", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  for (const args of [["--bootstrap"], []]) {
    const process = node.spawn("--primary-endpoint", node.host.ipv4, ...args);
    await process.waitForLine((line) => line.includes("data plane ready"), READY_MS);
    const { code, ms } = await stop(process, "SIGTERM");
    assert.equal(code, 0, process.lines.join("\n"));
    assert(ms < STOPPED_MS, `${ms} ms`);
  }
  await node.start("--primary-endpoint", node.host.ipv4);
});

labTest("the log: lines of JSON in a pipe, text on request, failures among them", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  await t.step("JSON", async () => {
    const process = node.spawn("--bootstrap", "--primary-endpoint", node.host.ipv4);
    await ready(process);
    assert.equal((await stop(process, "SIGTERM")).code, 0);
    const messages = process.lines.map((line) => (JSON.parse(line) as { message: string }).message);
    assert.equal(messages.filter((message) => message === "ready").length, 1);
    assert.deepEqual(messages.slice(-2), ["stopping", "stopped"]);
  });
  await t.step("text", async () => {
    const process = node.spawn("--log-format", "text", "--primary-endpoint", node.host.ipv4);
    await process.waitForLine((line) => / info +weft ready /.test(line), READY_MS);
    assert.equal((await stop(process, "SIGTERM")).code, 0);
  });
  await t.step("a failure is a line like all others", async () => {
    const other = await lab.node("b");
    const process = other.spawn();
    assert.equal(await process.ended(READY_MS), 4);
    const last = JSON.parse(process.lines.at(-1) ?? "");
    assert.deepEqual([last.level, last.code], ["error", 4]);
    assert.match(last.hint, /--bootstrap/);
  });
  await t.step("a misspelt variable is named", async () => {
    const env = { WEFT_NODEID: "x", WEFT_DATA_DIR: node.dataDir, WEFT_NODE_ID: "a", WEFT_INSECURE: "true" };
    await using process = start(node.host, ["run", "--log-format", "text"], env);
    await process.waitForLine((line) => /WEFT_NODEID.*WEFT_NODE_ID/.test(line), READY_MS);
  });
});

/** Runs `weft …args` on a terminal of `columns` columns. */
async function onTerminal(
  node: MeshNode,
  columns: number,
  args: string[],
  env: Record<string, string>,
): Promise<string> {
  const { command } = sourceProgram().command(...args, "--data-dir", node.dataDir);
  const line = `stty cols ${columns}; ${command.map((word) => `'${word}'`).join(" ")}`;
  const { stdout, code } = await node.host.exec(["script", "-qec", line, "/dev/null"], {
    env: { TERM: "xterm", ...env },
  });
  assert.equal(code, 0, stdout);
  return stdout;
}

labTest("on a terminal: colours unless NO_COLOR, blocks where a table is too wide", [
  ...NEEDS,
  "command:script",
], async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const node = await lab.node("a");
  await node.start("--bootstrap", "--primary-endpoint", node.host.ipv4);
  const wide = await onTerminal(node, 200, ["nodes"], {});
  assert.match(wide, /NODE +ROLE +IPV4/);
  assert(wide.includes("\u001b[1m"));
  const plain = await onTerminal(node, 200, ["nodes"], { NO_COLOR: "1" });
  assert(!plain.includes("\u001b"));
  const narrow = await onTerminal(node, 60, ["nodes"], { NO_COLOR: "1" });
  assert.match(narrow, /^NODE +a\r?$/m);
  assert.match(narrow, /^PUBLIC KEY +\S{44}\r?$/m);
});

labTest("three nodes: each tells of itself and of others, in the same order everywhere", NEEDS, async (t) => {
  await using lab = await MeshLab.create(sourceProgram());
  // Joined in another order than that of their names.
  const [first, second, third] = [await lab.node("m"), await lab.node("z"), await lab.node("b")];
  await first.start("--bootstrap", "--primary-endpoint", first.host.ipv4);
  await second.start("--join", `${first.host.ipv4}:8443`);
  await third.start("--join", `${first.host.ipv4}:8443`, "--as-voter");
  const nodes = [first, second, third];
  await eventually("members", async () => {
    const members = (await first.mustStatus()).raft.members;
    return members.length === 3 && members.filter(({ voter }) => voter).length === 2;
  }, WHOLE_MS);
  await t.step("nodes, ordered by id, equal on every node", async () => {
    const lists = await Promise.all(nodes.map(async (node) => {
      return await eventually("three nodes", async () => {
        const { code, stdout } = await node.weft("nodes", "--json");
        const list = code === 0 && JSON.parse(stdout) as NodesJson;
        return list && list.nodes.length === 3 && list;
      }, WHOLE_MS);
    }));
    for (const { schemaVersion, nodes: list } of lists) {
      assert.equal(schemaVersion, 1);
      assert.deepEqual(list.map(({ id }) => id), ["b", "m", "z"]);
      assert.deepEqual(list.map(({ privateIpv4 }) => privateIpv4), ["172.16.0.3/12", "172.16.0.1/12", "172.16.0.2/12"]);
    }
    const roles = lists[0]?.nodes.map(({ clusterStatus }) => clusterStatus);
    assert.deepEqual(roles, ["CLUSTER_VOTER", "CLUSTER_LEADER", "CLUSTER_NON_VOTER"]);
    const { stdout } = await second.weft("nodes");
    assert.deepEqual(stdout.trim().split("\n").slice(1).map((line) => line.split(/ +/).slice(0, 2)), [
      ["b", "voter"],
      ["m", "leader"],
      ["z", "non-voter"],
    ]);
  });
  await t.step("status of another node is what that node says of itself", async () => {
    for (const [from, to] of [[first, second], [second, third], [third, first]] as const) {
      const { code, stdout, stderr } = await from.weft("status", to.host.name, "--json");
      assert.equal(code, 0, stderr);
      const [theirs, ours] = [JSON.parse(stdout), await to.mustStatus()];
      assert.deepEqual([theirs.id, theirs.addresses], [ours.id, ours.addresses]);
    }
    const own = await first.weft("status", first.host.name, "--json");
    assert.equal(JSON.parse(own.stdout).id, first.host.name);
  });
  await t.step("peers have endpoint, handshake age and bytes", async () => {
    const { ipv4 } = await second.addresses();
    await eventually("a ping", () => ping(first.host, ipv4), WHOLE_MS);
    const { stdout } = await first.weft("status");
    const row = stdout.split("\n").find((line) => line.startsWith("z "))?.split(/ {2,}/) ?? [];
    assert.deepEqual([row[0], row[1], row[3]], ["z", "172.16.0.2/12", `${second.host.ipv4}:51820`]);
    assert.match(row[4] ?? "", /^\d+s$/);
    assert.match(row[5] ?? "", /^\d+(\.\d)? K?iB$|^\d+ B$/);
    assert.doesNotMatch(row[5] ?? "", /^0 B$/);
  });
  await t.step("status of another node that is down fails in time and says so", async () => {
    assert.equal(await second.end("SIGKILL"), 137);
    const beganMs = performance.now();
    const { code, stderr } = await first.weft("status", "z");
    assert([1, 3, 6].includes(code), `${code} ${stderr}`);
    assert.match(stderr, /^error: .+\nnext: .+\n$/);
    assert(performance.now() - beganMs < 12_000);
  });
});

labTest("leave: the node ends with exit code 0, and knows no mesh any more", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [leader, other] = [await lab.node("a"), await lab.node("b")];
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  const process = await ready(other.spawn("--join", `${leader.host.ipv4}:8443`));
  const { code, stdout, stderr } = await other.weft("leave");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Left the mesh/);
  assert.equal(await process.ended(WHOLE_MS), 0);
  assert.equal((await other.weft("status")).code, 3);
  assert.equal(await other.spawn().ended(READY_MS), 4, "it needs --join again");
  const list = await leader.weft("nodes");
  assert.doesNotMatch(list.stdout, /^b /m);
});

labTest("removed: a node that its mesh let go ends with exit code 4", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [leader, other] = [await lab.node("a"), await lab.node("b")];
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  const process = await ready(other.spawn("--join", `${leader.host.ipv4}:8443`));
  await rawLeave(leader.host, `${leader.host.ipv4}:8443`, "b");
  assert.equal(await process.ended(WHOLE_MS), 4, process.lines.join("\n"));
  await process.waitForLine((line) => line.includes("has removed this node"), WHOLE_MS);
  assert.doesNotMatch(await other.host.mustExec(["ip", "-o", "link"]), /weft0/);
});

labTest("removed: a node that was off meanwhile waits, and says for whom and why that may be", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  const [leader, other] = [await lab.node("a"), await lab.node("b")];
  await leader.start("--bootstrap", "--primary-endpoint", leader.host.ipv4);
  await other.start("--join", `${leader.host.ipv4}:8443`);
  assert.equal(await other.end("SIGTERM"), 0);
  await rawLeave(leader.host, `${leader.host.ipv4}:8443`, "b");
  const process = other.spawn();
  const line = await process.waitForLine((text) => text.includes("silent: a"), READY_MS);
  assert.match(line, /"waiting for the mesh".*No leader: 0 of 1 voters.*it was removed: delete its data directory/);
  const { stdout } = await other.weft("status");
  assert.match(stdout, /No leader: 0 of 1 voters are heard, decisions need 1; silent: a/);
  assert.equal(await other.end("SIGTERM"), 0);
});

labTest("up: starts a mesh, and what it prints is what a second machine needs", NEEDS, async () => {
  await using lab = await MeshLab.create(sourceProgram());
  await using files = await Directory.create();
  const [one, two] = [await lab.lab.host("one"), await lab.lab.host("two")];
  const args = ["up", "--node-id", "one", "--data-dir", `${files.path}/one`, "--primary-endpoint", one.ipv4];
  const first = start(one, args);
  const line = await first.waitForLine((text) => /^ +weft run --join /.test(text), READY_MS);
  assert.equal(line.trim(), `weft run --join ${one.ipv4}:8443 --insecure`);
  await first.waitForLine((text) => text.includes(`npx -y deno@${Deno.version.deno} task weft run --join`), READY_MS);
  const words = line.trim().split(" ").slice(1);
  await ready(start(two, [...words, "--node-id", "two", "--data-dir", `${files.path}/two`]));
  const { stdout } = await weft(one, ["nodes", "--data-dir", `${files.path}/one`]);
  assert.match(stdout, /^one [^]*^two /m);
  assert.equal((await stop(first, "SIGINT")).code, 0);
  // Again: it goes on with what it has.
  const again = start(one, args);
  await again.waitForLine((text) => text.includes('This node is "one" at 172.16.0.1/12'), READY_MS);
});
