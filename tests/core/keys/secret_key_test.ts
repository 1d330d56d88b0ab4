import assert from "node:assert/strict";
import { inspect } from "node:util";
import { InvariantError } from "../../../core/assert.ts";
import { PresharedKey } from "../../../core/keys/preshared_key.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import type { SecretKey } from "../../../core/keys/secret_key.ts";

const BYTES = new Uint8Array(32).fill(0x50);
/** The bytes as hexadecimal, base64 or a list of numbers. */
const LEAK_REGEXP = /5050|UFBQ|80,\s*80/;

const kinds: { name: string; module: string; fromBytes: (bytes: Uint8Array) => SecretKey | undefined }[] = [
  { name: "PrivateKey", module: "private_key", fromBytes: PrivateKey.fromBytes },
  { name: "PresharedKey", module: "preshared_key", fromBytes: PresharedKey.fromBytes },
];

for (const { name, module, fromBytes } of kinds) {
  Deno.test(`${name}: strings, JSON and inspection print [redacted]`, () => {
    const key = fromBytes(BYTES);
    assert(key);
    assert.equal(`${key}`, "[redacted]");
    assert.equal(JSON.stringify({ key }), '{"key":"[redacted]"}');
    assert.equal(Deno.inspect(key), "[redacted]");
    assert.equal(inspect(key), "[redacted]");
    const dumps = [
      Deno.inspect({ deep: { list: [key] } }, { depth: 9, showHidden: true }),
      inspect({ deep: { list: [key] } }, { depth: 9, showHidden: true, customInspect: false }),
      JSON.stringify({ ...key }),
      JSON.stringify(structuredClone({ ...key })),
      new Error(`Refuse ${key}`).message,
    ];
    for (const dump of dumps) assert.doesNotMatch(dump, LEAK_REGEXP);
  });

  Deno.test(`${name}: every console method prints [redacted]`, async () => {
    const url = new URL(`../../../core/keys/${module}.ts`, import.meta.url).href;
    const script = `import { ${name} } from ${JSON.stringify(url)};
      const key = ${name}.fromBytes(new Uint8Array(32).fill(0x50));
      console.log(key); console.error({ key }); console.log("%o %O %s %j", key, key, key, key);
      console.dir(key); console.table([{ key }]); console.log(new Map([[key, key]]));`;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert(success, text);
    assert.match(text, /^\[redacted\]$/m);
    assert.doesNotMatch(text, LEAK_REGEXP);
  });

  Deno.test(`${name}: reveal hands out a copy`, () => {
    const key = fromBytes(BYTES);
    assert(key);
    key.reveal().fill(1);
    assert.notEqual(key.reveal()[5], 1);
  });

  Deno.test(`${name}: a disposed key is not revealed`, () => {
    const key = fromBytes(BYTES);
    assert(key);
    key[Symbol.dispose]();
    assert.throws(() => key.reveal(), InvariantError);
  });

  Deno.test(`${name}: equals compares bytes`, () => {
    const key = fromBytes(BYTES);
    const same = fromBytes(BYTES);
    const other = fromBytes(BYTES.with(7, 1));
    assert(key && same && other);
    assert(key.equals(same));
    assert(!key.equals(other));
  });

  Deno.test(`${name}: fromBytes refuses any other length`, () => {
    for (const length of [0, 31, 33, 64]) assert.equal(fromBytes(new Uint8Array(length)), undefined);
  });
}
