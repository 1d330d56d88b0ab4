/**
 * The process around the program: arguments, environment, standard streams, signals, host name.
 *
 * @module
 */

/** Signals that ask the program to stop. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const satisfies Deno.Signal[];

/** Command line arguments after the program's name. */
export function programArguments(): readonly string[] {
  return Deno.args;
}

/** All environment variables. */
export function environment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

/** The host's name, as `hostname` prints it. */
export function hostName(): string {
  return Deno.hostname();
}

/** True when running as root. */
export function isRoot(): boolean {
  return Deno.uid() === 0;
}

/** `os/architecture` of this host, and the runtime's version. */
export function runtimeInfo(): { readonly denoVersion: string; readonly platform: string } {
  return { denoVersion: Deno.version.deno, platform: `${Deno.build.os}/${Deno.build.arch}` };
}

/**
 * Where state lives unless told otherwise: `/var/lib/weft` for root, `weft` in the user's XDG data directory otherwise
 * (XDG Base Directory Specification 0.8; relative paths count as not set).
 */
export function defaultDataDir(asRoot: boolean = isRoot(), variables = environment()): string {
  if (asRoot) return "/var/lib/weft";
  const isAbsolute = (path: string | undefined) => path !== undefined && path.startsWith("/");
  const { XDG_DATA_HOME: dataHome, HOME: home = "" } = variables;
  return isAbsolute(dataHome) ? `${dataHome}/weft` : `${home}/.local/share/weft`;
}

/** Writes all of `text` to standard output: data only. */
export function writeOut(text: string): void {
  writeAll(Deno.stdout, text);
}

/** Writes all of `text` to standard error: talk. */
export function writeErr(text: string): void {
  writeAll(Deno.stderr, text);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
  } catch (error) {
    // The reader went away (`weft nodes | head`): nothing is left to tell it.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** What a standard output stream is connected to. */
export interface StreamTraits {
  readonly isTerminal: boolean;
  /** A terminal that takes colours, and the user wants them (`NO_COLOR`, `TERM=dumb`). */
  readonly hasColours: boolean;
  /** Characters per line; `undefined` unless a terminal. */
  readonly columns: number | undefined;
}

/** What standard output and standard error are connected to. */
export function outputTraits(): { readonly out: StreamTraits; readonly err: StreamTraits } {
  return { out: traitsOf(Deno.stdout), err: traitsOf(Deno.stderr) };
}

function traitsOf(stream: { isTerminal(): boolean }): StreamTraits {
  const isTerminal = stream.isTerminal();
  return {
    isTerminal,
    hasColours: isTerminal && !Deno.noColor && Deno.env.get("TERM") !== "dumb",
    columns: isTerminal ? terminalColumns() : undefined,
  };
}

function terminalColumns(): number | undefined {
  try {
    // Serial lines say 0.
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined;
  }
}

/** Permission bits of the regular file that standard output goes to; `undefined` if it goes elsewhere. */
export function outputFileMode(): number | undefined {
  try {
    const { isFile, mode } = Deno.statSync("/dev/stdout");
    return isFile && mode !== null ? mode & 0o777 : undefined;
  } catch {
    return undefined;
  }
}

/** Reads standard input to its end; `undefined` if it is longer than `bytesMax`. */
export function readStdin(bytesMax: number): Promise<string | undefined> {
  return readBounded(Deno.stdin, bytesMax);
}

/** The text of a file. */
export type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "absent" }
  | { readonly kind: "too-long" }
  | { readonly kind: "unreadable"; readonly why: string };

/** Reads a text file of at most `bytesMax` bytes. */
export async function readTextFile(path: string, bytesMax: number): Promise<FileText> {
  try {
    using file = await Deno.open(path);
    const text = await readBounded(file, bytesMax);
    return text === undefined ? { kind: "too-long" } : { kind: "text", text };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
    return { kind: "unreadable", why: error instanceof Error ? error.message : String(error) };
  }
}

async function readBounded(
  source: { read(into: Uint8Array): Promise<number | null> },
  bytesMax: number,
): Promise<string | undefined> {
  const bytes = new Uint8Array(bytesMax + 1);
  let length = 0;
  while (length < bytes.length) {
    const count = await source.read(bytes.subarray(length));
    if (count === null) return new TextDecoder().decode(bytes.subarray(0, length));
    length += count;
  }
  return undefined;
}

/** Calls `handler` at every SIGINT and SIGTERM; disposing stops listening. */
export function onStopSignal(handler: (signal: string) => void): Disposable {
  const listeners = STOP_SIGNALS.map((signal) => {
    const listener = () => handler(signal);
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    [Symbol.dispose]() {
      for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/** Ends the process now. */
export function exitProcess(code: number): never {
  Deno.exit(code);
}

/** How this process calls itself to others that find its locks. */
export function processLabel(): string {
  return `weft, process ${Deno.pid}`;
}
