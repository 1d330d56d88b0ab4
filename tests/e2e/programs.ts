/**
 * Weft as the end-to-end tests start it: from source, or as the one file that `compile.sh` builds.
 *
 * A test that takes a {@linkcode Program} proves both. The compiled one runs with nothing of the build within reach: an
 * empty environment, a PATH with a few system tools, a home of its own, and, for root, empty folders mounted over the
 * sources, Deno, Node and their caches.
 *
 * @module
 */
import { mustRun, type ProgramOptions } from "./lab/command.ts";

/** A way to start Weft. */
export interface Program {
  /** For the names of tests. */
  readonly name: "source" | "compiled";
  /** The command line and its surroundings for `weft …args`. */
  command(...args: string[]): { readonly command: readonly string[]; readonly options: ProgramOptions };
}

/** Repository root, without a trailing slash. */
const ROOT = (import.meta.dirname ?? "").replace(/\/tests\/e2e$/, "");

/** Commands that the self-extracting file uses, and those that tests run beside it. */
const SYSTEM_TOOLS: readonly string[] = [
  "cat",
  "gzip",
  "id",
  "ip",
  "ls",
  "mkdir",
  "mktemp",
  "mv",
  "nft",
  "rm",
  "sh",
  "tail",
  "tar",
  "uname",
];

/** How long `compile.sh` may take. */
const BUILD_MS = 180_000;

/** Weft from this repository's sources, on the Deno that runs the tests. */
export function sourceProgram(): Program {
  return {
    name: "source",
    command: (...args) => ({
      command: [Deno.execPath(), "run", "-A", "--quiet", "--frozen", "--config", `${ROOT}/deno.json`, `${ROOT}/main.ts`]
        .concat(args),
      options: {},
    }),
  };
}

/** The built program with its surroundings. Disposing it removes the build, its cache and its home. */
export interface CompiledProgram extends Program, AsyncDisposable {
  /** The file that `compile.sh` built. */
  readonly file: string;
}

/** What to build, if it is not Weft itself. */
export interface BuildOptions {
  /** Arguments for `compile.sh` besides `-o`. */
  readonly args?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Builds the one file and prepares a place without anything else. */
export async function compiledProgram({ args = [], env = {} }: BuildOptions = {}): Promise<CompiledProgram> {
  await using owned = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "weft-compiled-" });
  owned.defer(() => Deno.remove(folder, { recursive: true }));
  const file = `${folder}/weft`;
  await mustRun(["sh", `${ROOT}/compile.sh`, "-o", file, ...args], {
    env: { ...env, PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH") ?? ""}` },
    deadlineMs: BUILD_MS,
  });
  await Deno.mkdir(`${folder}/home`);
  await linkTools(`${folder}/bin`);
  const options: ProgramOptions = {
    clearEnv: true,
    env: { PATH: `${folder}/bin`, HOME: `${folder}/home`, XDG_CACHE_HOME: `${folder}/home/.cache` },
    cwd: `${folder}/home`,
  };
  const kept = owned.move();
  return {
    name: "compiled",
    file,
    command: (...args) => ({ command: [...outOfReach(`${folder}/bin`), file, ...args], options }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A folder with links to those of the system tools that this machine has. */
async function linkTools(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  for (const tool of SYSTEM_TOOLS) {
    const paths = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map((bin) => `${bin}/${tool}`);
    const path = paths.find((path) => exists(path));
    if (path !== undefined) await Deno.symlink(path, `${folder}/${tool}`);
  }
}

/** A prefix that hides what the build was made of from the command behind it; empty for who may not mount. */
function outOfReach(path: string): string[] {
  if (Deno.uid() !== 0) return [];
  const folders = [ROOT, cacheFolder()].filter((folder) => folder !== undefined && exists(folder));
  const files = [Deno.execPath(), "/usr/bin/node", "/usr/local/bin/node"].filter(exists);
  const mounts = [
    ...folders.map((folder) => `mount -t tmpfs none '${folder}'`),
    ...files.map((file) => `mount --bind /dev/null '${file}'`),
  ];
  const script = `PATH=/usr/sbin:/usr/bin:/sbin:/bin && ${mounts.join(" && ")} && PATH=$0 exec "$@"`;
  return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, path];
}

function cacheFolder(): string | undefined {
  const home = Deno.env.get("HOME");
  return Deno.env.get("DENO_DIR") ?? (home === undefined ? undefined : `${home}/.cache/deno`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
