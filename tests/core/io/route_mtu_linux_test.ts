import assert from "node:assert/strict";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { RouteMtu } from "../../../core/io/route_mtu_linux.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";
import { Lab } from "../../e2e/lab/lab.ts";
import { farApart } from "../../e2e/lab/router.ts";
import { LAB_NEEDS, labTest } from "../../e2e/lab/requirements.ts";

function endpointOf(text: string): Endpoint {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint);
  return endpoint;
}

Deno.test("RouteMtu.to: a large one for the loopback interface, and no descriptor is left open", () => {
  using libc = Libc.open();
  const mtu = new RouteMtu(libc);
  const openCount = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = openCount();
  // Tests of other files open a few at the same time; what is left open here would be many.
  for (let i = 0; i < 400; i++) assert.ok(mtu.to(endpointOf("127.0.0.1:9")) >= 65535);
  assert.ok(openCount() < before + 200);
});

const LOOK = new URL("./route_mtu_look.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

labTest("RouteMtu.to: interface, route, what routers said, and no route", LAB_NEEDS, async () => {
  await using lab = await Lab.create();
  const { near: a, far: b, routers: [router], narrow } = await farApart(lab, "a", "b");
  const look = async (...endpoints: string[]): Promise<unknown> => {
    const program = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", "--config", CONFIG, LOOK];
    return JSON.parse(await a.mustExec([...program, ...endpoints]));
  };
  const both = [`${b.ipv4}:9`, `[${b.ipv6}]:9`];

  assert.deepEqual(await look(...both, "203.0.113.1:9", "[2001:db8:9::1]:9"), [1500, 1500, 0, 0]);
  await narrow(1300);
  const pings = (address: string) =>
    a.exec(["ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s", "1400", address]);
  for (const address of [b.ipv4, b.ipv6]) await pings(address);
  assert.deepEqual(await look(...both), [1300, 1300], "learned");
  await a.ip(`route add 203.0.113.0/24 via ${router.ipv4} mtu 1290`);
  await a.ip("link set eth0 mtu 1280");
  assert.deepEqual(await look(`${router.ipv4}:9`, `[${router.ipv6}]:9`, "203.0.113.1:9"), [1280, 1280, 1290]);
});
