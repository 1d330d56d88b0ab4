import assert from "node:assert/strict";
import { KEY_FILE_BYTES_MAX, loadOrCreatePrivateKey } from "../../../core/io/key_file.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";

/** 32 bytes that clamping does not change. */
const BYTES = new Uint8Array(32).fill(0x50);
const TEXT = BYTES.toBase64();
/** Any part of the key's text that is long enough to matter. */
const LEAK_REGEXP = /UFBQ/;

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function makeFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

async function refusal(path: string): Promise<ConfigError> {
  const error = await loadOrCreatePrivateKey(path, systemRandom).then(() => undefined, (reason: unknown) => reason);
  assert(error instanceof ConfigError, String(error));
  assert(error.message.includes(path), error.message);
  assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack}`, LEAK_REGEXP);
  return error;
}

Deno.test("loadOrCreatePrivateKey: creates file and directories for the owner alone", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/state/deep/node.key`;
  const key = await loadOrCreatePrivateKey(path, systemRandom);
  assert.equal(await modeOf(path), 0o600);
  assert.equal(await modeOf(`${folder.path}/state`), 0o700);
  assert.equal(await modeOf(`${folder.path}/state/deep`), 0o700);
  assert.equal(await Deno.readTextFile(path), `${key.reveal().toBase64()}\n`);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(`${folder.path}/state/deep`))).map(({ name }) => name), [
    "node.key",
  ]);
});

Deno.test("loadOrCreatePrivateKey: finds the key again", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/node.key`;
  const first = await loadOrCreatePrivateKey(path, systemRandom);
  const second = await loadOrCreatePrivateKey(path, systemRandom);
  assert(first.equals(second));
});

Deno.test("loadOrCreatePrivateKey: processes that start at once agree on one key", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/node.key`;
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreatePrivateKey(path, systemRandom)));
  assert.equal(new Set(keys.map((key) => key.reveal().toBase64())).size, 1);
  assert.equal((await Array.fromAsync(Deno.readDir(folder.path))).length, 1);
});

Deno.test("loadOrCreatePrivateKey: reads what wg genkey prints, with or without newline", async () => {
  await using folder = await makeFolder();
  for (const [index, content] of [TEXT, `${TEXT}\n`, `${TEXT}\r\n`, `\n ${TEXT} \n\n`].entries()) {
    const path = `${folder.path}/${index}.key`;
    await Deno.writeTextFile(path, content, { mode: 0o600 });
    assert.deepEqual((await loadOrCreatePrivateKey(path, systemRandom)).reveal(), BYTES);
    assert.equal(await Deno.readTextFile(path), content);
  }
});

Deno.test("loadOrCreatePrivateKey: accepts owner's rights alone, a link to the file too", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/node.key`;
  await Deno.writeTextFile(path, TEXT);
  await Deno.chmod(path, 0o400);
  await Deno.symlink(path, `${folder.path}/link`);
  assert.deepEqual((await loadOrCreatePrivateKey(`${folder.path}/link`, systemRandom)).reveal(), BYTES);
});

Deno.test("loadOrCreatePrivateKey: refuses rights of group or others, and says what to run", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/node.key`;
  await Deno.writeTextFile(path, TEXT);
  for (const [mode, text] of [[0o644, "0644"], [0o640, "0640"], [0o604, "0604"], [0o620, "0620"]] as const) {
    await Deno.chmod(path, mode);
    const error = await refusal(path);
    assert(error.message.includes(text), error.message);
    assert.equal(error.hint, `Run: chmod 600 ${path}`);
  }
  await Deno.chmod(path, 0o600);
  assert(await loadOrCreatePrivateKey(path, systemRandom));
});

Deno.test("loadOrCreatePrivateKey: the command it names works on any path", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/it's a "key" $HOME`;
  await Deno.writeTextFile(path, TEXT);
  await Deno.chmod(path, 0o644);
  const { hint } = await refusal(path);
  const command = hint?.replace("Run: ", "");
  assert(command);
  assert((await new Deno.Command("sh", { args: ["-c", command] }).output()).success);
  assert.equal(await modeOf(path), 0o600);
});

Deno.test("loadOrCreatePrivateKey: refuses anything but one key, and keeps the file", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/node.key`;
  const contents = [
    "",
    "\n",
    TEXT.slice(1),
    TEXT + TEXT,
    `${TEXT}\n${TEXT}\n`,
    BYTES.toHex(),
    TEXT.replace("=", ""),
    TEXT.padEnd(KEY_FILE_BYTES_MAX + 1),
  ];
  for (const content of contents) {
    await Deno.writeTextFile(path, content, { mode: 0o600 });
    const error = await refusal(path);
    assert.match(error.message, /does not hold one key/);
    assert(error.hint);
    assert.equal(await Deno.readTextFile(path), content);
  }
  await Deno.writeTextFile(path, TEXT.padEnd(KEY_FILE_BYTES_MAX));
  assert(await loadOrCreatePrivateKey(path, systemRandom));
});

Deno.test("loadOrCreatePrivateKey: a path that cannot be one is a ConfigError", async () => {
  await using folder = await makeFolder();
  await refusal(folder.path);
  await Deno.writeTextFile(`${folder.path}/file`, "");
  await refusal(`${folder.path}/file/node.key`);
});
