/**
 * What a machine must offer for an end-to-end test, and the reason that is printed where a test is skipped.
 *
 * @module
 */

/** Something that may be missing: a capability of the machine, or a command by name. */
export type Need = "root" | "namespaces" | "tun" | "python-grpc" | `command:${string}`;

/** Commands of iproute2 and friends and the packages that have them, for the reason's text. */
const PACKAGES: Readonly<Record<string, string>> = {
  dig: "bind9-dnsutils",
  ip: "iproute2",
  iperf3: "iperf3",
  nft: "nftables",
  openssl: "openssl",
  ping: "iputils-ping",
  prometheus: "prometheus",
  promtool: "prometheus",
  setsid: "util-linux",
  sysctl: "procps",
  tcpdump: "tcpdump",
  wg: "wireguard-tools",
  "wg-quick": "wireguard-tools",
  "wireguard-go": "wireguard-go",
  xargs: "findutils",
};

/** Pythons that may have grpcio: the distribution's first, because its packages are installed for that one. */
const PYTHONS = ["/usr/bin/python3", "python3"];

const answers = new Map<Need, string | undefined>();

/** Why the machine lacks `need`, a phrase; `undefined` if it is there. Asked once per process. */
export function missing(need: Need): string | undefined {
  if (!answers.has(need)) answers.set(need, lookFor(need));
  return answers.get(need);
}

/** A Python 3 that can import grpc; `undefined` if there is none. */
export function pythonWithGrpc(): string | undefined {
  return PYTHONS.find((python) => succeeds([python, "-c", "import grpc"]));
}

function lookFor(need: Need): string | undefined {
  switch (need) {
    case "root":
      return Deno.uid() === 0 ? undefined : "not root";
    case "namespaces":
      return probeNamespace() ? undefined : "network namespaces cannot be made here";
    case "tun":
      return succeeds(["test", "-c", "/dev/net/tun"]) ? undefined : "no /dev/net/tun";
    case "python-grpc":
      return pythonWithGrpc() === undefined ? "no Python with grpcio (python3-grpcio)" : undefined;
    default: {
      const command = need.slice("command:".length);
      return onPath(command) ? undefined : `no ${command} (${PACKAGES[command] ?? command})`;
    }
  }
}

function probeNamespace(): boolean {
  const name = `weft-${Deno.pid}-${crypto.randomUUID().slice(0, 6)}-probe`;
  return succeeds(["ip", "netns", "add", name]) && succeeds(["ip", "netns", "delete", name]);
}

function onPath(command: string): boolean {
  return succeeds(["sh", "-c", `command -v "$0"`, command]);
}

function succeeds(command: readonly string[]): boolean {
  try {
    return new Deno.Command(command[0] ?? "", { args: command.slice(1), stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Registers a test that is skipped, with the printed reasons, where the machine lacks one of `needs`. */
export function labTest(
  name: string,
  needs: readonly Need[],
  body: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const reasons = needs.flatMap((need) => missing(need) ?? []);
  if (reasons.length > 0) console.log(`skipped: ${name}: ${reasons.join(", ")}`);
  Deno.test({ name, ignore: reasons.length > 0, fn: body });
}

/** What every test with a {@linkcode Lab} needs. */
export const LAB_NEEDS: readonly Need[] = [
  "root",
  "command:ip",
  "namespaces",
  "command:ping",
  "command:setsid",
  "command:xargs",
];
