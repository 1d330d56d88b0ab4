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

Deno.test("openAtAny: a name is the first of its addresses, and the next one where that has no family", async () => {
  const lookUp = (name: string) => Promise.resolve(name === "two" ? ["::1", "127.0.0.1"] : []);
  const found = (host: string) => Promise.resolve(host);
  assert.equal(await openAtAny("two", found, lookUp), "::1");
  const withoutIpv6 = (host: string) => host === "::1" ? Promise.reject(NO_FAMILY) : Promise.resolve(host);
  assert.equal(await openAtAny("two", withoutIpv6, lookUp), "127.0.0.1");
  const inUse = (host: string) => Promise.reject(new Error(`EADDRINUSE ${host}`));
  await assert.rejects(openAtAny("two", inUse, lookUp), /EADDRINUSE ::1/, "another address would be another port");
  await assert.rejects(openAtAny("none", found, lookUp), /ENOTFOUND none/);
});

Deno.test("openAtAny: an address is not looked up", async () => {
  const lookUp = () => Promise.reject(new Error("It was looked up"));
  for (const host of ["127.0.0.1", "::1"]) {
    assert.equal(await openAtAny(host, (address) => Promise.resolve(address), lookUp), host);
  }
});
