/**
 * Tests for `core/rpc/method_table.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ConfigError } from "../../../core/plugin/errors.ts";
import type { RpcMethod, RpcService } from "../../../core/plugin/rpc.ts";
import { isLocalOnly, methodPath, methodTable } from "../../../core/rpc/method_table.ts";
import { RpcServer } from "../../../core/rpc/server.ts";
import { Node } from "../../../proto/gen/v1/node_pb.ts";
import { Echo, echoService, KeptLog } from "./echo_service.ts";

function withAuthorisation(authorisation: unknown): RpcService {
  const one = { ...echoService.methods.one, authorisation } as RpcMethod;
  return { service: Echo, methods: { ...echoService.methods, one } };
}

Deno.test("methodPath: is the path on the wire", () => {
  assert.equal(methodPath(Node.method.getStatus), "/v1.Node/GetStatus");
});

Deno.test("methodTable: lists all methods by path", () => {
  const table = methodTable([echoService]);
  assert.deepEqual([...table.keys()], ["/test.Echo/One", "/test.Echo/Many", "/test.Echo/Sum", "/test.Echo/Talk"]);
  const entry = table.get("/test.Echo/One");
  assert.equal(entry?.authorisation, "public");
  assert.equal(entry?.handler, echoService.methods.one);
});

for (const authorisation of [undefined, "", "everybody", null]) {
  Deno.test(`methodTable: refuses a method whose authorisation is ${authorisation}`, () => {
    assert.throws(() => methodTable([withAuthorisation(authorisation)]), (error) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, /\/test\.Echo\/One/);
      assert.match(error.hint ?? "", /public, member, local/);
      return true;
    });
  });
}

Deno.test("RpcServer.start: refuses a method without authorisation", async () => {
  const start = RpcServer.start({
    tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
    unix: undefined,
    services: [withAuthorisation(undefined)],
    log: new KeptLog(),
  });
  await assert.rejects(start, ConfigError);
});

Deno.test("methodTable: refuses a method without handler", () => {
  const { one: _, ...methods } = echoService.methods;
  assert.throws(() => methodTable([{ service: Echo, methods }]), /"\/test\.Echo\/One" has no handler/);
});

Deno.test("methodTable: refuses two services of one name", () => {
  assert.throws(() => methodTable([echoService, echoService]), /"test\.Echo" is offered twice/);
});

Deno.test("methodTable: methods of unserved services have no handler, and a served service wins", () => {
  const unserved = [{ service: Node, authorisation: "member" }, { service: Echo, authorisation: "member" }] as const;
  const table = methodTable([echoService], unserved);
  const join = table.get("/v1.Node/Join");
  assert.deepEqual([join?.handler, join?.authorisation], [undefined, "member"]);
  assert.equal(table.get("/test.Echo/One")?.authorisation, "public");
});

Deno.test("isLocalOnly: all methods must be local", () => {
  const local = Object.fromEntries(
    Object.entries(echoService.methods).map(([name, method]) => [name, { ...method, authorisation: "local" as const }]),
  ) as RpcService["methods"];
  assert.equal(isLocalOnly({ service: Echo, methods: local }), true);
  assert.equal(isLocalOnly({ service: Echo, methods: { ...local, one: echoService.methods.one } }), false);
});
