/**
 * Plugins that are started and stopped again and again: nothing of them stays. Timers and pending operations are counted by
 * the sanitizers of the test runner.
 */
import assert from "node:assert/strict";
import type { Host } from "../../../core/plugin/host.ts";
import { echoService } from "../rpc/echo_service.ts";
import { planned, PluginNode } from "./plugin_node.ts";

const CYCLES = 1_000;
const WARM_UP_CYCLES = 50;
/** Other tests of this process may open so many meanwhile; what a cycle leaves adds up to ten times as many. */
const OTHERS_MAX = CYCLES / 10;

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("PluginHost: a thousand cycles of a plugin that takes everything leave no handle, timer or socket", async () => {
  const ports: number[] = [];
  await using node = await PluginNode.start([planned({
    name: "greedy",
    needs: ["rpc", "intercept", "metrics", "dns", "status", "tasks", "time", "clock", "listen", "http", "appliedIndex"],
    start: async (host: Host) => {
      const { rpc, intercept, metrics, dns, status, tasks, time, clock, listen, http, appliedIndex } = host;
      rpc.serve(echoService);
      intercept((call, next) => next(call));
      metrics.counter({ name: "things_total", help: "Things." }).add({});
      dns.offer([{ name: "greedy", type: "TXT", texts: ["x"], ttlSeconds: 1 }]);
      status.set("fed", { severity: "low", text: "Never.", fix: "" });
      time.timer(() => {}).arm(clock.monotonicMs() + 60_000);
      tasks.run("wait", () => time.delay(60_000));
      tasks.run("follow", async () => {
        for await (const _index of appliedIndex);
      });
      const address = { host: "127.0.0.1", port: 0 };
      const opened = await Promise.all([
        listen.udp(address, () => {}),
        listen.tcp(address, 4, () => Promise.resolve()),
        http.serve(address, () => new Response("ok\n")),
      ]);
      ports.push(...opened.map(({ port }) => port));
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  })]);
  const cycle = async () => {
    await node.plugins.disable("greedy");
    await node.plugins.enable("greedy");
  };
  for (let i = 0; i < WARM_UP_CYCLES; i++) await cycle();
  const before = openDescriptors();
  for (let i = 0; i < CYCLES; i++) await cycle();
  const left = openDescriptors() - before;
  assert(left < OTHERS_MAX, `${left} descriptors are left`);
  assert.equal(node.plugins.list()[0]?.startCount, 1 + WARM_UP_CYCLES + CYCLES);
  assert(ports.every((port) => port > 0));
});
