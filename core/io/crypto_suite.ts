/**
 * Chooses the crypto suite of a process: libcrypto where it loads and computes correctly, otherwise noble.
 *
 * @module
 */
import { nobleSuite } from "../crypto/noble_suite.ts";
import type { CryptoSuite } from "../crypto/suite.ts";
import { passesCryptoSelfCheck } from "./crypto_self_check.ts";
import { LIBCRYPTO_NAMES } from "./libcrypto_ffi.ts";
import { LibcryptoSuite } from "./libcrypto_suite.ts";

/** A suite that holds a library: dispose it after the last of its packet keys. Belongs to one thread. */
export type OpenCryptoSuite = CryptoSuite & Disposable;

/**
 * Opens the preferred suite, or noble where libcrypto cannot be used; the result's `name` says which. Never throws.
 *
 * @param fileNames Where to look for libcrypto instead of the usual names.
 */
export function openCryptoSuite(
  preferred: CryptoSuite["name"] = "libcrypto",
  fileNames: readonly string[] = LIBCRYPTO_NAMES,
): OpenCryptoSuite {
  const libcrypto = preferred === "libcrypto" ? LibcryptoSuite.open(fileNames) : undefined;
  if (libcrypto && passesCryptoSelfCheck(libcrypto)) return libcrypto;
  libcrypto?.[Symbol.dispose]();
  return { ...nobleSuite, [Symbol.dispose]() {} };
}
