/**
 * One machine of the lab: a network namespace with its own interfaces, addresses and processes.
 *
 * @module
 */
import { type CommandOptions, type CommandResult, mustRun, type ProgramOptions, run } from "./command.ts";
import { LabProcess } from "./process.ts";

/** A place of a host in one network. */
export interface Attachment {
  /** The interface inside the host, `eth0`, `eth1`, … */
  readonly interfaceName: string;
  /** The other end of the cable, in the namespace of the bridges. */
  readonly portName: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Pulls the cable without the host noticing: what it sends and what is sent to it is lost. */
  cut(): Promise<void>;
  /** Plugs it in again. */
  heal(): Promise<void>;
}

/** A machine. Disposing it ends what runs on it and takes it away. */
export class Host implements AsyncDisposable {
  /** The name given by the test. */
  readonly name: string;
  /** The name for `ip netns`. */
  readonly namespace: string;
  readonly #attachments: Attachment[] = [];
  readonly #processes: LabProcess[] = [];

  private constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  /** A machine with a loopback interface and nothing else. */
  static async create(name: string, namespace: string): Promise<Host> {
    await mustRun(["ip", "netns", "add", namespace]);
    const host = new Host(name, namespace);
    // Addresses are unique by construction; without this, IPv6 ones cannot be used for a second or two.
    await mustRun(host.#inside(["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"]));
    await host.ip("link set lo up");
    return host;
  }

  /** The address in the first network it was attached to. */
  get ipv4(): string {
    return this.attachment.ipv4;
  }

  /** The address in the first network it was attached to. */
  get ipv6(): string {
    return this.attachment.ipv6;
  }

  /** Its place in the first network it was attached to. */
  get attachment(): Attachment {
    const [first] = this.#attachments;
    if (first === undefined) throw new Error(`${this.name} is attached to no network`);
    return first;
  }

  /** Its places in networks, in the order it was attached to them. */
  get attachments(): readonly Attachment[] {
    return this.#attachments;
  }

  /** Used by networks: remembers a place. */
  attached(attachment: Attachment): void {
    this.#attachments.push(attachment);
  }

  /** Runs one or more `ip` commands inside, one per line. @throws {Error} If one of them fails. */
  async ip(batch: string): Promise<void> {
    await mustRun(["ip", "-n", this.namespace, "-batch", "-"], { stdin: batch + "\n" });
  }

  /** Runs a command inside to its end. */
  async exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return await run(this.#inside(command), options);
  }

  /** Runs a command inside and returns its output. @throws {Error} If it does not exit with 0. */
  async mustExec(command: readonly string[], options: CommandOptions = {}): Promise<string> {
    return await mustRun(this.#inside(command), options);
  }

  /** Starts a program inside. It ends with the host at the latest. */
  spawn(command: readonly string[], options: ProgramOptions = {}): LabProcess {
    const process = new LabProcess(this.#inside(command), options);
    this.#processes.push(process);
    return process;
  }

  /** Ends the programs in reverse order of their start, and removes the namespace. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.reverse()) await process[Symbol.asyncDispose]();
    await removeNamespace(this.namespace);
  }

  #inside(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, ...command];
  }
}

/** Kills what still runs in a namespace and deletes it. Does nothing if it is gone, which a reaper may be first at. */
export async function removeNamespace(namespace: string): Promise<void> {
  const pids = await run(["ip", "netns", "pids", namespace]);
  for (const pid of pids.stdout.split("\n").filter((line) => line !== "")) {
    try {
      Deno.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const { code, stderr } = await run(["ip", "netns", "delete", namespace]);
  if (code !== 0 && !stderr.includes("No such file")) throw new Error(`${namespace} is not gone: ${stderr}`);
}
