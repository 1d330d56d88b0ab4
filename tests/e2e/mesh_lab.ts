/**
 * A mesh in a lab: one Weft node per host, started as a user starts it, asked as a user asks it.
 *
 * @module
 */
import { eventually } from "./lab/eventually.ts";
import type { CommandResult } from "./lab/command.ts";
import type { Host } from "./lab/host.ts";
import { Lab } from "./lab/lab.ts";
import type { LabProcess } from "./lab/process.ts";
import { ping } from "./lab/traffic.ts";
import type { Program } from "./programs.ts";

/** A node is ready this long after its start at the latest, on a busy machine. */
export const READY_MS = 30_000;
/** The mesh is whole again this long after a node is back. */
export const WHOLE_MS = 10_000;

/** What `weft status --json` says, as far as tests look. */
export interface StatusJson {
  readonly schemaVersion: number;
  readonly id: string;
  readonly clusterStatus: string;
  readonly currentLeader: string;
  readonly addresses: { readonly ipv4: string; readonly ipv6: string; readonly publicKey: string };
  readonly raft: {
    readonly role: string;
    readonly term: number;
    readonly commitIndex: number;
    readonly appliedIndex: number;
    readonly stateHash: string;
    readonly members: readonly { readonly id: string; readonly voter: boolean }[];
  };
  readonly peers: readonly { readonly id: string; readonly endpoint: string; readonly txBytes: number }[];
}

/** One node on one host. */
export class MeshNode {
  readonly host: Host;
  readonly dataDir: string;
  /** Options for the transport security of `weft run`. */
  security: readonly string[] = ["--insecure"];
  readonly #program: Program;
  #process: LabProcess | undefined;

  constructor(host: Host, program: Program, dataDir: string) {
    this.host = host;
    this.dataDir = dataDir;
    this.#program = program;
  }

  /** Starts `weft run` with this node's id and directory, and waits until it says that it is ready. */
  async start(...args: string[]): Promise<void> {
    this.spawn(...args);
    await this.#process?.waitForLine(
      (line) => /"(message|msg)":"ready"|\bready\b/.test(line) && !/data plane/.test(line),
      READY_MS,
    );
  }

  /** The same without waiting. */
  spawn(...args: string[]): LabProcess {
    const own = ["--node-id", this.host.name, "--data-dir", this.dataDir, ...this.security];
    const { command, options } = this.#program.command("run", ...own, ...args);
    return this.#process = this.host.spawn(command, options);
  }

  /** What it has logged since it was started last. */
  get lines(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  /** Sends a signal that is not the end. */
  signal(signal: Deno.Signal): void {
    this.#process?.signal(signal);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: Deno.Signal, deadlineMs = 6_000): Promise<number> {
    this.#process?.signal(signal);
    return await this.#process?.ended(deadlineMs) ?? 0;
  }

  /** Runs a client command against this node. */
  async weft(...args: string[]): Promise<CommandResult> {
    const { command, options } = this.#program.command(...args, "--data-dir", this.dataDir);
    return await this.host.exec(command, options);
  }

  /** `weft status --json`; `undefined` while the node does not answer. */
  async status(): Promise<StatusJson | undefined> {
    const { code, stdout } = await this.weft("status", "--json");
    return code === 0 ? JSON.parse(stdout) as StatusJson : undefined;
  }

  /** The same, and the node must answer. */
  async mustStatus(): Promise<StatusJson> {
    return await eventually(`status of ${this.host.name}`, () => this.status(), WHOLE_MS);
  }

  /** Own mesh addresses without prefix lengths. */
  async addresses(): Promise<{ readonly ipv4: string; readonly ipv6: string }> {
    const { ipv4, ipv6 } = (await this.mustStatus()).addresses;
    return { ipv4: ipv4.replace(/\/.*/, ""), ipv6: ipv6.replace(/\/.*/, "") };
  }
}

/** A lab with a temporary directory for the nodes' data. */
export class MeshLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly #program: Program;
  readonly #directory: string;

  private constructor(lab: Lab, program: Program, directory: string) {
    this.lab = lab;
    this.#program = program;
    this.#directory = directory;
  }

  /** An empty lab. */
  static async create(program: Program): Promise<MeshLab> {
    const directory = await Deno.makeTempDir({ prefix: "weft-lab-" });
    return new MeshLab(await Lab.create(), program, directory);
  }

  /** A node on a host of its own, not started. */
  async node(name: string): Promise<MeshNode> {
    return this.nodeOn(await this.lab.host(name));
  }

  /** A node on a host of the lab, not started. */
  nodeOn(host: Host): MeshNode {
    return new MeshNode(host, this.#program, `${this.#directory}/${host.name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** Waits until every node pings every other at both mesh addresses. */
export async function everyPairPings(nodes: readonly MeshNode[], deadlineMs: number): Promise<void> {
  const addresses = new Map<MeshNode, { readonly ipv4: string; readonly ipv6: string }>();
  for (const node of nodes) addresses.set(node, await node.addresses());
  await Promise.all(nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map(async (to) => {
      const { ipv4 = "", ipv6 = "" } = addresses.get(to) ?? {};
      for (const address of [ipv4, ipv6]) {
        const what = `${from.host.name} to ping ${to.host.name} at ${address}`;
        await eventually(what, () => ping(from.host, address), deadlineMs);
      }
    })
  ));
}
