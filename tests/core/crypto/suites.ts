/**
 * Runs one test on every crypto suite: they have to be the same from outside.
 *
 * @module
 */
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { CryptoSuite } from "../../../core/crypto/suite.ts";
import { LibcryptoSuite } from "../../../core/io/libcrypto_suite.ts";

/** libcrypto, open for the life of the test process; `undefined` where it does not load. */
export const libcryptoSuite: LibcryptoSuite | undefined = LibcryptoSuite.open();

if (!libcryptoSuite) console.log("Tests of libcrypto are skipped: it does not load");

/** Registers `body` once per suite; `ignore` skips it on all. */
export function testOnEachSuite(name: string, body: (suite: CryptoSuite) => void, ignore = false): void {
  Deno.test({ name: `${name} (noble)`, ignore, fn: () => body(nobleSuite) });
  Deno.test({
    name: `${name} (libcrypto)`,
    ignore: ignore || libcryptoSuite === undefined,
    fn: () => {
      if (libcryptoSuite) body(libcryptoSuite);
    },
  });
}
