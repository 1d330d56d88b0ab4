import assert from "node:assert/strict";
import { mustRun, run } from "./command.ts";
import { eventually } from "./eventually.ts";
import { Lab, removeStale } from "./lab.ts";
import { LAB_NEEDS, labTest } from "./requirements.ts";
import { iperf, ping } from "./traffic.ts";

labTest("Lab: hosts reach each other over IPv4 and IPv6 at once", LAB_NEEDS, async () => {
  await using lab = await Lab.create();
  const [a, b] = [await lab.host("a"), await lab.host("b")];
  assert.deepEqual([a.ipv4, b.ipv4, a.ipv6, b.ipv6], ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:1::2"]);
  for (const address of [b.ipv4, b.ipv6]) assert.ok(await ping(a, address), address);
});

labTest("Lab: networks are separate until a host forwards", LAB_NEEDS, async () => {
  await using lab = await Lab.create();
  const office = await lab.network({ ipv4: "198.51.100.", ipv6: "2001:db8:0:2::" });
  const a = await lab.host("a");
  const c = await lab.host("c", [office]);
  const router = await lab.host("router", [lab.internet, office]);
  await a.ip(`route add 198.51.100.0/24 via ${router.ipv4}`);
  await c.ip(`route add default via ${router.attachments[1]?.ipv4}`);
  assert.ok(!await ping(a, c.ipv4, 200));
  await router.mustExec(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
  assert.ok(await ping(a, c.ipv4));
});

labTest("Attachment.cut: loses packets until heal", LAB_NEEDS, async () => {
  await using lab = await Lab.create();
  const [a, b] = [await lab.host("a"), await lab.host("b")];
  assert.ok(await ping(a, b.ipv4));
  await b.attachment.cut();
  assert.ok(!await ping(a, b.ipv4, 200));
  await b.attachment.heal();
  assert.ok(await ping(a, b.ipv4));
});

labTest("iperf: measures a stream", [...LAB_NEEDS, "command:iperf3"], async () => {
  await using lab = await Lab.create();
  const [a, b] = [await lab.host("a"), await lab.host("b")];
  const { bitsPerSecond } = await iperf(a, b, b.ipv4, 1);
  assert.ok(bitsPerSecond > 1e6, `${bitsPerSecond} bit/s`);
});

labTest("Lab: nothing is left after a failure, neither programs nor daemons", LAB_NEEDS, async () => {
  const own = async () => (await namespaces()).filter((name) => name.startsWith(`weft-${Deno.pid}-`));
  const before = await own();
  let pid = 0;
  await assert.rejects(async () => {
    await using lab = await Lab.create();
    const a = await lab.host("a");
    pid = a.spawn(["sleep", "60"]).pid;
    await a.mustExec(["sh", "-c", "setsid sleep 61 >/dev/null 2>&1 &"]);
    throw new Error("the test fails");
  }, /the test fails/);
  assert.deepEqual(await own(), before);
  assert.throws(() => Deno.statSync(`/proc/${pid}`), Deno.errors.NotFound);
});

labTest("removeStale: removes what dead processes left, with what runs in it", LAB_NEEDS, async () => {
  await using lab = await Lab.create();
  await lab.host("alive");
  const dead = new Deno.Command("true").spawn();
  await dead.status;
  const stale = `weft-${dead.pid}-1-left`;
  await mustRun(["ip", "netns", "add", stale]);
  const sleeper = new Deno.Command("ip", { args: ["netns", "exec", stale, "sleep", "60"] }).spawn();
  await eventually("the sleeper", async () => (await run(["ip", "netns", "pids", stale])).stdout !== "", 5_000);

  await removeStale();

  assert.equal((await sleeper.status).signal, "SIGKILL");
  const left = await namespaces();
  assert.ok(!left.includes(stale));
  assert.ok(left.some((name) => name.endsWith("-alive")));
});

labTest("Reaper: removes the lab of a process that was killed", LAB_NEEDS, async () => {
  await using lab = await Lab.create();
  const a = await lab.host("a");
  const program = `
    const { Lab } = await import(${JSON.stringify(new URL("./lab.ts", import.meta.url).href)});
    const lab = await Lab.create();
    (await lab.host("orphan")).spawn(["sleep", "60"]);
    console.log("up", Deno.pid);
  `;
  await using process = a.spawn([Deno.execPath(), "eval", program]);
  const pid = (await process.waitForLine((line) => line.startsWith("up "), 10_000)).slice(3);
  assert.ok((await namespaces()).some((name) => name.startsWith(`weft-${pid}-`) && name.endsWith("-1-orphan")));
  process.signal("SIGKILL");
  await eventually("the reaper", async () => !(await namespaces()).join().includes(`weft-${pid}-`), 5_000);
});

async function namespaces(): Promise<string[]> {
  const { stdout } = await run(["ip", "netns", "list"]);
  return stdout.split("\n").map((line) => line.split(" ")[0] ?? "").filter((name) => name.startsWith("weft-"));
}
