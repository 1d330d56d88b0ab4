import { strict as assert } from "node:assert";
import fc from "fast-check";
import { classifyDatagram } from "../../../core/dataplane/demux.ts";

function kindOf(bytes: Uint8Array): string {
  const buffer = new Uint8Array(bytes.length + 32).fill(0xaa);
  buffer.set(bytes, 16);
  const before = buffer.slice();
  const kind = classifyDatagram(buffer, 16, bytes.length);
  assert.deepEqual(buffer, before, "borrowed");
  return kind;
}

const stunRequest = () => Uint8Array.fromHex("000100002112a442" + "00".repeat(12));

Deno.test("classifyDatagram: types 1 to 4 with three zero bytes are WireGuard's", () => {
  for (let type = 0; type < 256; type++) {
    assert.equal(kindOf(Uint8Array.of(type, 0, 0, 0)), type >= 1 && type <= 4 ? "wireguard" : "other", `type ${type}`);
  }
});

Deno.test("classifyDatagram: each reserved byte must be zero", () => {
  for (const at of [1, 2, 3]) {
    const bytes = Uint8Array.of(4, 0, 0, 0, 9);
    bytes[at] = 0x80;
    assert.equal(kindOf(bytes), "other");
  }
});

Deno.test("classifyDatagram: the magic cookie makes it STUN", () => {
  assert.equal(kindOf(stunRequest()), "stun");
  const success = stunRequest();
  success[0] = 1;
  success[1] = 1;
  assert.equal(kindOf(success), "stun");
  assert.equal(kindOf(stunRequest().subarray(0, 19)), "other", "shorter than its header");
  for (const at of [0, 4, 5, 6, 7]) {
    const bytes = stunRequest();
    bytes[at] = bytes[at]! ^ 0x80;
    assert.equal(kindOf(bytes), "other", `byte ${at}`);
  }
});

Deno.test("classifyDatagram: what is shorter than any header is nothing", () => {
  for (const length of [0, 1, 2, 3]) assert.equal(kindOf(Uint8Array.of(1, 0, 0, 0).subarray(0, length)), "other");
  assert.equal(classifyDatagram(Uint8Array.of(1, 0, 0), 0, 4), "other", "claims more than there is");
});

Deno.test("classifyDatagram: never throws and always answers", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    assert.ok(["wireguard", "stun", "other"].includes(kindOf(bytes)));
  }));
});
