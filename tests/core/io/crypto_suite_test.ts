import assert from "node:assert/strict";
import { openCryptoSuite } from "../../../core/io/crypto_suite.ts";
import { passesCryptoSelfCheck } from "../../../core/io/crypto_self_check.ts";
import { libcryptoSuite } from "../crypto/suites.ts";

const ignore = libcryptoSuite === undefined;

Deno.test({
  name: "openCryptoSuite: libcrypto where it loads",
  ignore,
  fn() {
    using suite = openCryptoSuite();
    assert.equal(suite.name, "libcrypto");
    assert(passesCryptoSelfCheck(suite));
  },
});

Deno.test("openCryptoSuite: noble when asked for", () => {
  using suite = openCryptoSuite("noble");
  assert.equal(suite.name, "noble");
  assert(passesCryptoSelfCheck(suite));
});

Deno.test("openCryptoSuite: noble when the library is missing", () => {
  using suite = openCryptoSuite("libcrypto", ["libnothing.so.0"]);
  assert.equal(suite.name, "noble");
});

Deno.test("openCryptoSuite: noble when the library is another one", () => {
  using suite = openCryptoSuite("libcrypto", ["libc.so.6", "libm.so.6"]);
  assert.equal(suite.name, "noble");
});

Deno.test("openCryptoSuite: noble when the program may not load libraries", async () => {
  const url = new URL("../../../core/io/crypto_suite.ts", import.meta.url).href;
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const script = `import { openCryptoSuite } from ${JSON.stringify(url)}; console.log(openCryptoSuite().name);`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--config", config, `data:application/typescript,${encodeURIComponent(script)}`],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "noble\n", new TextDecoder().decode(stderr));
});
