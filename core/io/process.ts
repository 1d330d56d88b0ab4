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

/** Where state lives unless told otherwise: `/var/lib/weft` for root, the XDG data directory otherwise. */
export function defaultDataDir(): string {
  if (isRoot()) return "/var/lib/weft";
  const home = Deno.env.get("HOME") ?? "/";
  return `${Deno.env.get("XDG_DATA_HOME") || `${home}/.local/share`}/weft`;
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

/** Which standard streams are terminals that may get colours (`NO_COLOR` unset). */
export function colourStreams(): { readonly out: boolean; readonly err: boolean } {
  const wanted = !Deno.noColor && Deno.env.get("TERM") !== "dumb";
  return { out: wanted && Deno.stdout.isTerminal(), err: wanted && Deno.stderr.isTerminal() };
}

/** Reads standard input to its end, at most `bytesMax` bytes. */
export async function readStdin(bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of Deno.stdin.readable) {
    total += chunk.length;
    if (total > bytesMax) break;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(await new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer());
}

/** Reads a text file; `undefined` if there is none. */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Calls `handler` at the first SIGINT or SIGTERM; disposing stops listening. */
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
