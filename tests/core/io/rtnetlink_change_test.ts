import { strict as assert } from "node:assert";
import fc from "fast-check";
import { CHANGE_GROUPS, changedInterface } from "../../../core/io/rtnetlink_change.ts";

const changed = (type: number, hex: string) =>
  changedInterface({ type, flags: 0, sequence: 0, body: Uint8Array.fromHex(hex) });

Deno.test("changedInterface: the interface of a link, an address and a route, new and gone", () => {
  const link = "0000feff02000000d110010000000000";
  const address = "0218800005000000" + "080001000a630001";
  const route = "02100000fe57fd0100000000" + "0800040007000000";
  for (const change of [0, 1]) {
    assert.equal(changed(16 + change, link), 2);
    assert.equal(changed(20 + change, address), 5);
    assert.equal(changed(24 + change, route), 7);
  }
});

Deno.test("changedInterface: a route through several interfaces, or to nowhere, names none", () => {
  assert.equal(changed(24, "02100000fe57fd0600000000" + "080001000a630000"), 0);
});

Deno.test("changedInterface: answers and other messages tell of no change", () => {
  for (const type of [2, 3, 18, 22, 26, 28, 32]) assert.equal(changed(type, "00".repeat(16)), undefined, `${type}`);
});

Deno.test("changedInterface: any bytes", () => {
  fc.assert(fc.property(fc.integer({ min: 16, max: 28 }), fc.uint8Array({ maxLength: 60 }), (type, body) => {
    changedInterface({ type, flags: 0, sequence: 0, body });
  }));
});

Deno.test("CHANGE_GROUPS: links, and addresses and routes of both families", () => {
  assert.equal(CHANGE_GROUPS, 0x551);
});
