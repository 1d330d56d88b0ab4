/**
 * Which Weft this is: stamped into a build by `compile.sh`, asked of git when run from source.
 *
 * @module
 */

/** What `weft --version` and a node's status report. */
export interface BuildInfo {
  /** Semantic version, `version` of `deno.json`. */
  readonly version: string;
  /** `git describe` of the source; `dev` when unknown. */
  readonly commit: string;
  /** Date of the build, RFC 3339 in UTC; `source` when it was not built. */
  readonly date: string;
}

/** A bundle is one module with one address; only from source does this module keep its own. */
const FROM_SOURCE = import.meta.url.endsWith("/core/io/build_info.ts");

/** Reads the stamp beside a bundled program, or `deno.json` and git. */
export function buildInfo(): BuildInfo {
  if (!FROM_SOURCE) {
    return JSON.parse(Deno.readTextFileSync(new URL("./build.json", import.meta.url))) as BuildInfo;
  }
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url))) as BuildInfo;
  return { version, commit: describeSource(new URL("../..", import.meta.url)), date: "source" };
}

function describeSource(root: URL): string {
  try {
    // A tree inside somebody else's repository must not report that one's commit.
    Deno.lstatSync(new URL(".git", root));
    const { success, stdout } = new Deno.Command("git", {
      args: ["describe", "--always", "--dirty", "--tags"],
      cwd: root,
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : "dev";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return "dev";
    throw error;
  }
}
