import assert from "node:assert/strict";
import {
  defaultDataDir,
  hostName,
  outputFileMode,
  processLabel,
  readTextFile,
  runtimeInfo,
} from "../../../core/io/process.ts";
import { eventually } from "../../e2e/lab/eventually.ts";
import { mustRun, run } from "../../e2e/lab/command.ts";
import { LabProcess } from "../../e2e/lab/process.ts";

const MODULE = new URL("../../../core/io/process.ts", import.meta.url).href;

/** A command line that runs `script` with the module's exports as `p`. */
function scripted(script: string): string[] {
  return [Deno.execPath(), "eval", "--quiet", `import * as p from "${MODULE}"; ${script}`];
}

Deno.test("defaultDataDir: the system's for root, the user's XDG directory otherwise", () => {
  assert.equal(defaultDataDir(true, { HOME: "/home/kim" }), "/var/lib/weft");
  assert.equal(defaultDataDir(false, { HOME: "/home/kim" }), "/home/kim/.local/share/weft");
  assert.equal(defaultDataDir(false, { HOME: "/home/kim", XDG_DATA_HOME: "/data" }), "/data/weft");
  for (const XDG_DATA_HOME of ["", "relative"]) {
    assert.equal(defaultDataDir(false, { HOME: "/home/kim", XDG_DATA_HOME }), "/home/kim/.local/share/weft");
  }
  assert.equal(defaultDataDir(false, {}), "/.local/share/weft");
});

Deno.test("readTextFile: text up to the limit, and why there is none", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/file`, "größe");
    assert.deepEqual(await readTextFile(`${directory}/file`, 7), { kind: "text", text: "größe" });
    assert.deepEqual(await readTextFile(`${directory}/file`, 6), { kind: "too-long" });
    assert.deepEqual(await readTextFile(`${directory}/none`, 7), { kind: "absent" });
    assert.equal((await readTextFile(directory, 7)).kind, "unreadable");
    assert.deepEqual(await readTextFile("/dev/zero", 1000), { kind: "too-long" }, "a file without end");
    assert.deepEqual(await readTextFile("/dev/null", 1000), { kind: "text", text: "" });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readStdin: all of it up to the limit, in whatever pieces it comes", async () => {
  const script = scripted("console.log(JSON.stringify(await p.readStdin(5) ?? null))");
  assert.equal(await mustRun(script, { stdin: "12345" }), '"12345"\n');
  assert.equal(await mustRun(script, { stdin: "123456" }), "null\n");
  assert.equal(await mustRun(script), '""\n');
  const pieces = ["sh", "-c", 'printf 12; printf 34; exec "$@"', "sh"];
  const piped = ["sh", "-c", '{ printf 12; printf 34; printf 5; } | "$@"', ...pieces.slice(3), ...script];
  assert.equal(await mustRun(piped), '"12345"\n');
});

Deno.test("writeOut, writeErr: whole texts on their streams; a reader that went away is no error", async () => {
  const both = await run(scripted(`p.writeOut("x".repeat(300000)); p.writeErr("talk")`));
  assert.deepEqual([both.code, both.stdout.length, both.stderr], [0, 300_000, "talk"]);
  const head = `"$@" | head -c 1; exit "\${PIPESTATUS[0]}"`;
  const gone = await run(["bash", "-c", head, "bash", ...scripted(`p.writeOut("x".repeat(3000000))`)]);
  assert.deepEqual(gone, { code: 0, stdout: "x", stderr: "" });
});

Deno.test("outputTraits: a pipe is no terminal and has no colours", async () => {
  const none = { isTerminal: false, hasColours: false };
  assert.deepEqual(JSON.parse(await mustRun(scripted("console.log(JSON.stringify(p.outputTraits()))"))), {
    out: none,
    err: none,
  });
});

Deno.test("outputFileMode: of the file that standard output goes to", async () => {
  const directory = await Deno.makeTempDir();
  const script = scripted("p.writeErr(String(p.outputFileMode()))");
  try {
    for (const [mask, mode] of [["077", 0o600], ["022", 0o644]] as const) {
      const { stderr } = await run(["sh", "-c", `umask ${mask}; "$@" >"$0"`, `${directory}/${mask}`, ...script]);
      assert.equal(stderr, String(mode));
    }
    assert.equal((await run(script)).stderr, "undefined");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  assert.doesNotThrow(outputFileMode);
});

Deno.test("onStopSignal: reports every signal until it is disposed", async () => {
  await using process = new LabProcess(scripted(`
    const listener = p.onStopSignal((signal) => {
      console.log(signal);
      if (signal === "SIGTERM") listener[Symbol.dispose]();
    });
    console.log("listening");
    setInterval(() => {}, 1000);
  `));
  const said = async (line: string) => await eventually(line, () => process.lines.at(-1) === line, 10_000);
  await said("listening");
  process.signal("SIGINT");
  await said("SIGINT");
  process.signal("SIGTERM");
  await said("SIGTERM");
  process.signal("SIGTERM");
  assert.equal(await process.ended(5_000), 128 + 15);
  assert.deepEqual(process.lines, ["listening", "SIGINT", "SIGTERM"]);
});

Deno.test("runtimeInfo, hostName, processLabel: what the runtime says", () => {
  assert.equal(runtimeInfo().denoVersion, Deno.version.deno);
  assert.match(runtimeInfo().platform, /^\w+\/\w+$/);
  assert.equal(hostName(), Deno.hostname());
  assert.match(processLabel(), new RegExp(`\\b${Deno.pid}$`));
});
