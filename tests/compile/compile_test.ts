import assert from "node:assert/strict";
import { mustRun, run } from "../e2e/lab/command.ts";
import { LabProcess } from "../e2e/lab/process.ts";
import { labTest } from "../e2e/lab/requirements.ts";
import { compiledProgram } from "../e2e/programs.ts";

/** Built once: most of the time goes into compressing Deno. */
const FIXTURE = "tests/compile/fixtures/program";
const BUILD_ARGS = ["-k", "extract", "-e", `${FIXTURE}/main.ts`, "-w", `${FIXTURE}/worker.ts`];
const EPOCH = { SOURCE_DATE_EPOCH: "1700000000" };
const program = await compiledProgram({ args: BUILD_ARGS, env: EPOCH });
addEventListener("unload", () => Deno.removeSync(program.file.replace(/\/weft$/, ""), { recursive: true }));

interface Report {
  readonly build: { readonly version: string; readonly commit: string; readonly date: string };
  readonly args: readonly string[];
  readonly cwd: string;
  readonly grpc: string;
  readonly sqlite: string;
  readonly worker: { readonly heard: string; readonly module: string; readonly sum: number };
}

/**
 * Runs the file with an empty environment but for a PATH of system tools and `env`; root's own cache is put out of
 * the way.
 */
async function start(env: Record<string, string>, ...args: string[]): ReturnType<typeof run> {
  const { command, options } = program.command(...args);
  const cover = Deno.uid() === 0
    ? ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", `/bin/mount -t tmpfs none /var/cache && exec "$@"`, "sh"]
    : [];
  return await run([...cover, ...command], { ...options, env: { PATH: options.env?.["PATH"] ?? "", ...env } });
}

/** A folder that is gone after `body`. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weft-compile-test-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("compiled file: has its worker, SQLite, gRPC and build stamp, without Deno, Node or sources", async () => {
  const { command, options } = program.command("report", "a", "b c", "");
  const report = JSON.parse(await mustRun(command, options)) as Report;
  assert.deepEqual(report.args, ["a", "b c", ""]);
  assert.equal(report.cwd, options.cwd);
  assert.equal(report.grpc, "hello");
  assert.match(report.sqlite, /^3\./);
  assert.deepEqual(report.worker, { heard: "ping", module: "worker.js", sum: 42 });
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.equal(report.build.version, version);
  assert.equal(report.build.date, "2023-11-14T22:13:20Z");
});

Deno.test("compiled file: passes the exit code on", async () => {
  const { command, options } = program.command("no such command");
  const { code, stderr } = await run(command, options);
  assert.equal(code, 64);
  assert.match(stderr, /unknown command/);
});

Deno.test("compiled file: is one process that gets the signals", async () => {
  const { command, options } = program.command("wait");
  await using process = new LabProcess(command, options);
  const line = await process.waitForLine((line) => line.startsWith("{"), 20_000);
  assert.deepEqual(JSON.parse(line), { waiting: process.pid });
  process.signal("SIGTERM");
  assert.equal(await process.ended(5_000), 42);
});

Deno.test("compiled file: first starts at the same time all work and leave one copy", () =>
  withFolder(async (folder) => {
    const starts = await Promise.all([1, 2, 3].map(() => start({ XDG_CACHE_HOME: folder }, "version")));
    assert.deepEqual(starts.map(({ code }) => code), [0, 0, 0], JSON.stringify(starts));
    const copies = [...Deno.readDirSync(`${folder}/weft`)].map(({ name }) => name);
    assert.equal(copies.length, 1, copies.join());
    const files = [...Deno.readDirSync(`${folder}/weft/${copies[0]}`)].map(({ name }) => name).sort();
    assert.deepEqual(files, ["build.json", "cache", "deno", "main.js", "sql-wasm.wasm", "sql_worker.js", "worker.js"]);
    assert.equal((Deno.statSync(`${folder}/weft/${copies[0]}`).mode ?? 0) & 0o777, 0o700);
  }));

Deno.test("compiled file: a damaged file says so and leaves nothing", () =>
  withFolder(async (folder) => {
    const bytes = await Deno.readFile(program.file);
    await Deno.writeFile(`${folder}/cut`, bytes.subarray(0, bytes.length - 1_000_000), { mode: 0o755 });
    const { code, stderr } = await run([`${folder}/cut`, "version"], { env: { XDG_CACHE_HOME: folder } });
    assert.equal(code, 71);
    assert.match(stderr, /^weft: cannot unpack .*: the file is damaged or the disk is full\n$/);
    assert.deepEqual([...Deno.readDirSync(`${folder}/weft`)], []);
  }));

labTest(
  "compiled file: nothing is run from a folder that another user can change",
  ["root"],
  () =>
    withFolder(async (folder) => {
      const cases: [string, (path: string) => Promise<void>][] = [
        ["owned by another user", (path) => Deno.chown(path, 65534, 65534)],
        ["writable by all", (path) => Deno.chmod(path, 0o777)],
        ["writable by a group", async (path) => {
          await Deno.chown(path, 0, 12345);
          await Deno.chmod(path, 0o770);
        }],
      ];
      const [copy] = [...Deno.readDirSync((program.command().options.env?.["XDG_CACHE_HOME"] ?? "") + "/weft")];
      for (const [what, spoil] of cases) {
        // A planted copy with the right name, where the file would look first.
        const planted = `${folder}/${what}`;
        await Deno.mkdir(`${planted}/weft/${copy?.name}`, { recursive: true });
        await Deno.writeTextFile(`${planted}/weft/${copy?.name}/deno`, "#!/bin/sh\necho planted\n", { mode: 0o755 });
        await spoil(planted);
        const { code, stdout, stderr } = await start(
          { XDG_CACHE_HOME: planted, TMPDIR: folder, HOME: "" },
          "version",
        );
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(stdout, /planted/, what);
        assert.match(stderr, /not used, because other users can change it/, what);
      }
    }),
);

labTest("compiled file: runs without any network", ["root", "namespaces"], async () => {
  const { command, options } = program.command("version");
  const { code, stderr } = await run(["/usr/bin/unshare", "--net", ...command], options);
  assert.equal(code, 0, stderr);
});

labTest("compiled file: unpacks with busybox alone", ["command:busybox"], () =>
  withFolder(async (folder) => {
    const bin = `${folder}/bin`;
    await Deno.mkdir(bin);
    const busybox = (await mustRun(["sh", "-c", "command -v busybox"])).trim();
    for (const applet of ["gzip", "id", "ls", "mkdir", "mktemp", "mv", "rm", "sh", "tail", "tar", "uname"]) {
      await Deno.symlink(busybox, `${bin}/${applet}`);
    }
    const env = { PATH: bin, HOME: folder, XDG_CACHE_HOME: folder };
    const { code, stdout, stderr } = await run([`${bin}/sh`, program.file, "version"], { clearEnv: true, env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  }));

Deno.test("compile.sh: the same sources and date make the same file", async () => {
  await using again = await compiledProgram({ args: BUILD_ARGS, env: EPOCH });
  await mustRun(["cmp", program.file, again.file]);
});

Deno.test("compile.sh: refuses what it does not know", async () => {
  const script = new URL("../../compile.sh", import.meta.url).pathname;
  assert.equal((await run(["sh", script, "-x"])).code, 64);
});
