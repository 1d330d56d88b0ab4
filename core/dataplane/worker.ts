/**
 * The data-plane worker: opens its ends of what it was lent, and turns the packet loop until told to stop.
 *
 * How its parts hang together is in `wired_tunnel.ts`, what they do with packets in `packet_loop.ts`, with messages in
 * `control_inbox.ts`; how the worker is started, and replaced when it dies, in `data_plane.ts`.
 *
 * @module
 */
import { bootClock } from "../io/clock.ts";
import { openCryptoSuite } from "../io/crypto_suite.ts";
import { Errno, OsError } from "../io/errno.ts";
import { Libc } from "../io/libc_ffi.ts";
import { runPollingThread } from "../io/polling_thread.ts";
import { TunLinux } from "../io/tun_linux.ts";
import { allocateLoopMemory } from "./packet_loop.ts";
import { rehearse } from "./rehearsal.ts";
import type { Stage } from "./rehearsal_player.ts";
import { type TunnelPort, wireTunnel } from "./wired_tunnel.ts";

using libc = Libc.open();
runPollingThread(libc, (port: TunnelPort) => runTunnel(libc, port));

/** Holds the thread until the control thread says stop. */
function runTunnel(libc: Libc, port: TunnelPort): void {
  libc.steady.rehearse();
  const { start } = port;
  const device = TunLinux.lent(libc, start.descriptors.tun, start.interfaceName);
  using suite = openCryptoSuite();
  const memory = allocateLoopMemory();
  // The rehearsal is one for devices with offloads, which all but old kernels have.
  const notRehearsed = device.offloads.tcp ? rehearseForSpeed({ libc, suite, memory }) : "the device has no offloads";

  using tunnel = wireTunnel({ libc, clock: bootClock(libc), suite, memory, device, port });
  port.send({ kind: "ready", cryptoSuite: suite.name, notRehearsed });
  try {
    while (!tunnel.inbox.isStopping) tunnel.loop.turn();
  } catch (error) {
    if (!isInterfaceGone(error)) throw error;
    port.send({ kind: "interface-gone" });
  }
}

/** Returns why there was none. Whatever happens there, packets get through without it. */
function rehearseForSpeed(stage: Stage): string | undefined {
  try {
    return rehearse(stage).whyNot;
  } catch (error) {
    // A flaw shows in the tests of the rehearsal; here it would cost the tunnel.
    return String(error);
  }
}

/** The device is still open, and what it belonged to is not there any more. */
function isInterfaceGone(error: unknown): boolean {
  return error instanceof OsError && error.errno === Errno.EBADFD;
}
