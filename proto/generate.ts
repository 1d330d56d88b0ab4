/**
 * Generates `proto/gen/` from the `.proto` files with buf and protoc-gen-es, both in the versions that the import map
 * pins. `deno task gen` runs it; `--check` only says whether the checked-in files are what it would write.
 *
 * @module
 */

/** Where the generated files are checked in. */
export const generatedFolder: URL = new URL("./gen/", import.meta.url);

const protoFolder = new URL("./", import.meta.url);
const configFile = new URL("../deno.json", import.meta.url).pathname;

/** buf or its plugin did not run at all: not installed and not downloadable. Its output is the message. */
export class GeneratorMissingError extends Error {
  override readonly name = "GeneratorMissingError";
}

/** Files by path relative to the folder they were read from, `/` between parts. */
export type FileTree = ReadonlyMap<string, string>;

/**
 * Generates into a temporary folder and reads the result.
 *
 * @throws {GeneratorMissingError} If buf cannot be started.
 * @throws {Error} If a `.proto` file has an error; the message is buf's.
 */
export async function generate(): Promise<FileTree> {
  const version = await runDeno(["@bufbuild/buf", "--version"]);
  if (!version.success) throw new GeneratorMissingError(`buf does not run: ${version.errorText}`);
  const folder = await Deno.makeTempDir({ prefix: "weft-gen-" });
  try {
    const result = await runDeno(["@bufbuild/buf", "generate", "--template", template(), "--output", folder]);
    if (!result.success) throw new Error(`Cannot generate from the .proto files:\n${result.errorText}`);
    return await readTree(new URL(`file://${folder}/gen/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of files that differ between the two trees, or are in only one of them, sorted. */
export function differingFiles(one: FileTree, other: FileTree): string[] {
  const names = new Set([...one.keys(), ...other.keys()]);
  return [...names].filter((name) => one.get(name) !== other.get(name)).sort();
}

/** Reads all files below `folder`; nothing if it does not exist. */
export async function readTree(folder: URL, prefix = "", into: Map<string, string> = new Map()): Promise<FileTree> {
  for (const entry of await listFolder(folder)) {
    if (entry.isDirectory) await readTree(new URL(`${entry.name}/`, folder), `${prefix}${entry.name}/`, into);
    else into.set(prefix + entry.name, await Deno.readTextFile(new URL(entry.name, folder)));
  }
  return into;
}

async function listFolder(folder: URL): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function template(): string {
  return JSON.stringify({
    version: "v2",
    plugins: [{
      local: [Deno.execPath(), "run", "-A", "--config", configFile, "@bufbuild/protoc-gen-es"],
      out: "gen",
      // No TypeScript enums (`erasable_syntax`), so that type stripping is all a runtime needs.
      opt: ["target=ts", "import_extension=ts", "erasable_syntax=true"],
    }],
  });
}

async function runDeno(args: string[]): Promise<{ success: boolean; errorText: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", configFile, ...args],
    cwd: protoFolder,
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { success, stderr } = await command.output();
  return { success, errorText: new TextDecoder().decode(stderr) };
}

async function replaceTree(folder: URL, files: FileTree): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  for (const [name, text] of files) {
    const file = new URL(name, folder);
    await Deno.mkdir(new URL(".", file), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
}

if (import.meta.main) {
  const fresh = await generate();
  if (!Deno.args.includes("--check")) {
    await replaceTree(generatedFolder, fresh);
    console.log(`Wrote ${fresh.size} files to proto/gen/.`);
  } else {
    const stale = differingFiles(fresh, await readTree(generatedFolder));
    for (const name of stale) console.error(`proto/gen/${name} is not what the .proto files give; run deno task gen.`);
    if (stale.length > 0) Deno.exit(1);
  }
}
