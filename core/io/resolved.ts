/**
 * systemd-resolved, by its tool resolvectl(1): names of a domain are asked through one interface.
 *
 * What it is told belongs to the interface and is forgotten with it, so a node that dies leaves nothing behind unless its interface
 * stays. For that a file says which one it was, and the next start takes it back.
 *
 * @module
 */
import { delay } from "./alarm.ts";
import { MeshError } from "../plugin/errors.ts";
import type { ResolverRoute } from "../plugin/resolver.ts";

/** Where it may be: a path of the system's, never one of the caller's. */
const PROGRAMS: readonly string[] = ["/usr/bin/resolvectl", "/bin/resolvectl"];
/** In the data directory: the interface that was told. */
const JOURNAL = "resolved.json";
/** One call, in milliseconds. */
const CALL_TIMEOUT_MS = 2_000;

/** One interface of this host in systemd-resolved. */
export class ResolvedLink implements AsyncDisposable {
  readonly #interfaceName: string;
  readonly #journal: string;
  readonly #programs: readonly string[];

  /** Touches nothing. @param programs For tests. */
  constructor(interfaceName: string, dataDir: string, programs: readonly string[] = PROGRAMS) {
    this.#interfaceName = interfaceName;
    this.#journal = `${dataDir}/${JOURNAL}`;
    this.#programs = programs;
  }

  /** @throws {MeshError} `unavailable` if there is no systemd-resolved, or it refuses. */
  async route({ domains, servers }: ResolverRoute): Promise<void> {
    const program = this.#programs.find(isFile);
    if (program === undefined) {
      throw new MeshError("unavailable", "This host has no resolvectl", {
        hint: "Install systemd-resolved, or point the resolver of this host to the mesh by hand.",
      });
    }
    // Before the change: what is not done is taken back without harm.
    Deno.writeTextFileSync(this.#journal, JSON.stringify({ interface: this.#interfaceName }), { mode: 0o600 });
    const addresses = servers.map(({ host, port }) => host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
    await run(program, ["dns", this.#interfaceName, ...addresses]);
    // A tilde makes it a route alone, and no suffix for short names.
    await run(program, ["domain", this.#interfaceName, ...domains.map((domain) => `~${domain}`)]);
  }

  /** Content if nothing was told. */
  async restore(): Promise<void> {
    const interfaceName = this.#recorded();
    if (interfaceName === undefined) return;
    const program = this.#programs.find(isFile);
    try {
      if (program !== undefined) await run(program, ["revert", interfaceName]);
    } catch {
      // The interface is gone, and with it what was told.
    }
    Deno.removeSync(this.#journal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.restore();
  }

  #recorded(): string | undefined {
    try {
      const recorded: unknown = JSON.parse(Deno.readTextFileSync(this.#journal));
      if (typeof recorded !== "object" || recorded === null || !("interface" in recorded)) return this.#interfaceName;
      const { interface: name } = recorded;
      // Written by this program; a name that is none of an interface was not.
      return typeof name === "string" && /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}$/.test(name) ? name : this.#interfaceName;
    } catch (error) {
      return error instanceof Deno.errors.NotFound ? undefined : this.#interfaceName;
    }
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const over = new AbortController();
  const kill = new AbortController();
  delay(CALL_TIMEOUT_MS, over.signal).then(() => kill.abort(), () => {});
  const command = new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    env: { LANG: "C", PATH: "/usr/bin:/bin" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: kill.signal,
  });
  const { success, stderr } = await command.output().finally(() => over.abort());
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim().slice(0, 200);
  throw new MeshError("unavailable", `systemd-resolved refused (${args[0]}): ${said || "it did not say why"}`);
}
