import assert from "node:assert/strict";
import { generateKey, keyFileWarning, publicKeyOf } from "../../../core/cli/keys.ts";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { systemRandom } from "../../../core/io/random.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import { run } from "../../e2e/lab/command.ts";
import { labTest } from "../../e2e/lab/requirements.ts";

const { x25519 } = nobleSuite;

/** RFC 7748 §6.1, Alice's key pair; `wg pubkey` prints the same. */
const PRIVATE_KEY = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
const PUBLIC_KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

Deno.test("publicKeyOf: the pair of RFC 7748 §6.1, with or without white space around it", () => {
  for (const input of [PRIVATE_KEY, `${PRIVATE_KEY}\n`, `  ${PRIVATE_KEY}\r\n\n`]) {
    assert.equal(publicKeyOf(input, x25519), PUBLIC_KEY);
  }
});

Deno.test("publicKeyOf: anything but one key is refused without repeating any of it", () => {
  const wrong = [
    undefined,
    "",
    "\n",
    "hello",
    PRIVATE_KEY.slice(0, -1),
    `${PRIVATE_KEY}=`,
    `${PRIVATE_KEY} ${PRIVATE_KEY}`,
    PRIVATE_KEY.replace("Co=", "Cp="),
    PRIVATE_KEY.replace("w", "!"),
    "ff".repeat(32),
  ];
  for (const input of wrong) {
    assert.throws(() => publicKeyOf(input, x25519), (error) => {
      assert(error instanceof MeshError);
      assert.equal(error.reason, "invalid-argument");
      assert(!error.message.includes("dwdt") && !error.hint?.includes("dwdt"));
      return true;
    });
  }
});

Deno.test("generateKey: a clamped key of its own each time", () => {
  const texts = [generateKey(systemRandom), generateKey(systemRandom)];
  assert.notEqual(texts[0], texts[1]);
  for (const text of texts) {
    const bytes = Uint8Array.fromBase64(text);
    assert.equal(bytes.length, 32);
    assert.equal((bytes[0] ?? 0) & 0x07, 0);
    assert.equal((bytes[31] ?? 0) & 0xc0, 0x40);
  }
});

Deno.test("keyFileWarning: only for files that others may open", () => {
  for (const mode of [undefined, 0o600, 0o400, 0o700]) assert.equal(keyFileWarning(mode), undefined);
  for (const mode of [0o644, 0o640, 0o601, 0o622]) assert.match(keyFileWarning(mode) ?? "", /open to others/);
});

labTest("keys: interchangeable with wg's", ["command:wg"], async () => {
  const wgKey = (await run(["wg", "genkey"])).stdout;
  assert.equal((await run(["wg", "pubkey"], { stdin: wgKey })).stdout, `${publicKeyOf(wgKey, x25519)}\n`);
  const ours = generateKey(systemRandom);
  assert.equal((await run(["wg", "pubkey"], { stdin: `${ours}\n` })).stdout, `${publicKeyOf(ours, x25519)}\n`);
});
