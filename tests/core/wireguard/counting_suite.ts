/**
 * Noble's primitives, counted: how many key agreements a message costs and which packet keys still exist.
 *
 * @module
 */
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import type { AeadKey, CryptoSuite } from "../../../core/crypto/suite.ts";

/** What was done. */
export interface SuiteCounts {
  /** Key agreements and public keys made: each is a multiplication on the curve. */
  agreements: number;
  /** Packet keys made and not disposed of. */
  liveKeys: number;
}

/** A suite of its own with counts of its own. */
export function countingSuite(): CryptoSuite & { readonly counts: SuiteCounts } {
  const counts: SuiteCounts = { agreements: 0, liveKeys: 0 };
  return {
    ...nobleSuite,
    counts,
    x25519: {
      publicKey(privateKey) {
        counts.agreements++;
        return nobleSuite.x25519.publicKey(privateKey);
      },
      sharedSecret(privateKey, publicKey) {
        counts.agreements++;
        return nobleSuite.x25519.sharedSecret(privateKey, publicKey);
      },
    },
    aeadKey(key): AeadKey {
      const inner = nobleSuite.aeadKey(key);
      counts.liveKeys++;
      return {
        seal: (counter, buffer, offset, length) => inner.seal(counter, buffer, offset, length),
        open: (counter, buffer, offset, length) => inner.open(counter, buffer, offset, length),
        [Symbol.dispose]() {
          counts.liveKeys--;
          inner[Symbol.dispose]();
        },
      };
    },
  };
}
