import assert from "node:assert/strict";
import { openAtAny } from "../../../core/io/any_address.ts";

const NO_FAMILY = new Error("listen EAFNOSUPPORT: address family not supported ::");

Deno.test("openAtAny: without IPv6, all addresses are those of IPv4", async () => {
  const tried: string[] = [];
  const opened = await openAtAny("::", (host) => {
    tried.push(host);
    return host === "::" ? Promise.reject(NO_FAMILY) : Promise.resolve(host);
  });
  assert.deepEqual([opened, tried], ["0.0.0.0", ["::", "0.0.0.0"]]);
});

Deno.test("openAtAny: other addresses and other failures stay as they are", async () => {
  const fails = (error: Error) => (_host: string): Promise<string> => Promise.reject(error);
  await assert.rejects(openAtAny("::1", fails(NO_FAMILY)), /EAFNOSUPPORT/);
  await assert.rejects(openAtAny("::", fails(new Error("EADDRINUSE"))), /EADDRINUSE/);
});
