/**
 * Tests for `core/rpc/health.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvariantError } from "../../../core/assert.ts";
import {
  Health as HealthDescriptor,
  HealthCheckResponse_ServingStatus,
} from "../../../proto/gen/grpc/health/v1/health_pb.ts";
import { Health, WHOLE_SERVER } from "../../../core/rpc/health.ts";
import { HEALTH_WATCHERS_MAX } from "../../../core/rpc/limits.ts";
import { RpcError } from "../../../core/rpc/rpc_error.ts";
import { EchoPair, streamOf } from "./echo_service.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
const NEVER = new AbortController().signal;

Deno.test("Health: everything serves at first; one service changes alone", () => {
  const health = new Health(["a", "b"]);
  health.set("a", false);
  assert.deepEqual([...health.all()], [[WHOLE_SERVER, SERVING], ["a", NOT_SERVING], ["b", SERVING]]);
  health.set("a", true);
  assert.equal(health.get("a"), SERVING);
  assert.equal(health.get("c"), undefined);
});

Deno.test("Health.set: a service that is not there is a bug", () => {
  assert.throws(() => new Health([]).set("a", true), InvariantError);
});

Deno.test("Health.watch: yields now, and at each change, equal statuses once", async () => {
  const health = new Health(["a"]);
  const watch = health.watch("a", NEVER);
  assert.equal((await watch.next()).value, SERVING);
  const next = watch.next();
  health.set("a", true);
  health.set(WHOLE_SERVER, false);
  health.set("a", false);
  assert.equal((await next).value, NOT_SERVING);
  await watch.return(undefined);
});

Deno.test("Health.watch: an unknown service is SERVICE_UNKNOWN, and the watch goes on", async () => {
  const health = new Health([]);
  const abort = new AbortController();
  const watch = health.watch("x", abort.signal);
  assert.equal((await watch.next()).value, SERVICE_UNKNOWN);
  const next = watch.next();
  abort.abort();
  assert.equal((await next).done, true);
});

Deno.test("Health.shutDown: reports NOT_SERVING, for good, and ends all watches", async () => {
  const health = new Health(["a"]);
  const watch = health.watch("a", NEVER);
  await watch.next();
  const rest = Array.fromAsync(watch);
  health.shutDown();
  assert.deepEqual(await rest, [NOT_SERVING]);
  health.set("a", true);
  assert.equal(health.get("a"), NOT_SERVING);
});

Deno.test("Health.watch: one watcher beyond the limit is refused; one that leaves makes room", async () => {
  const health = new Health([]);
  const watches = Array.from({ length: HEALTH_WATCHERS_MAX }, () => health.watch("", NEVER));
  for (const watch of watches) await watch.next();
  await assert.rejects(health.watch("", NEVER).next(), { reason: "exhausted" });
  await watches[0]?.return(undefined);
  const another = health.watch("", NEVER);
  assert.equal((await another.next()).value, SERVING);
  for (const watch of [...watches, another]) await watch.return(undefined);
});

Deno.test("grpc.health.v1.Health: Check, List and Watch over the wire", async () => {
  await using pair = await EchoPair.start();
  const { client, server } = pair;
  const { check, list, watch } = HealthDescriptor.method;
  assert.equal((await client.unary(check, { service: "" })).message.status, SERVING);
  server.health.set("test.Echo", false);
  assert.equal((await client.unary(check, { service: "test.Echo" })).message.status, NOT_SERVING);
  const { statuses } = (await client.unary(list, {})).message;
  assert.deepEqual(Object.entries(statuses).map(([name, { status }]) => [name, status]), [
    ["", SERVING],
    ["test.Echo", NOT_SERVING],
  ]);
  const changes = client.stream(watch, streamOf({ service: "test.Echo" }));
  assert.equal((await changes.next()).value?.status, NOT_SERVING);
  server.health.set("test.Echo", true);
  assert.equal((await changes.next()).value?.status, SERVING);
  await changes.return(undefined);
});

Deno.test("grpc.health.v1.Health: Check of an unknown service is NOT_FOUND", async () => {
  await using pair = await EchoPair.start();
  const check = pair.client.unary(HealthDescriptor.method.check, { service: "no.Such" });
  await assert.rejects(check, (error) => error instanceof RpcError && error.codeName === "NOT_FOUND");
});

Deno.test("grpc.health.v1.Health: a watch does not keep the server from stopping", async () => {
  await using pair = await EchoPair.start();
  const changes = pair.client.stream(HealthDescriptor.method.watch, streamOf({ service: "" }));
  assert.equal((await changes.next()).value?.status, SERVING);
  const rest = Array.fromAsync(changes, ({ status }) => status);
  await pair.server.stop();
  assert.deepEqual(await rest, [NOT_SERVING]);
});
