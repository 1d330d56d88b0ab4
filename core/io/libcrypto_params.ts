/**
 * Arrays of `OSSL_PARAM`, OpenSSL 3's way of passing named values (OSSL_PARAM(3)), on 64-bit machines.
 *
 * @module
 */

/** `OSSL_PARAM_UNSIGNED_INTEGER` of openssl/core.h. */
export const PARAM_UNSIGNED_INTEGER = 2n;

/** `OSSL_PARAM_OCTET_STRING` of openssl/core.h. */
export const PARAM_OCTET_STRING = 5n;

/** One named value. C reads both arrays where they are, so they must have ArrayBuffers of their own. */
export interface OsslParam {
  /** A C string. */
  readonly key: Uint8Array<ArrayBuffer>;
  readonly type: bigint;
  readonly value: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>;
}

/**
 * `OSSL_PARAM { const char *key; unsigned data_type; void *data; size_t data_size, return_size; }` for each of `params`
 * and a terminator. The result holds addresses: the caller keeps `params` as long as it keeps the result.
 */
export function paramArray(params: readonly OsslParam[]): BigUint64Array<ArrayBuffer> {
  const fields = params.flatMap(({ key, type, value }) => [
    addressOf(key),
    type,
    addressOf(value),
    BigInt(value.byteLength),
    0n,
  ]);
  return new BigUint64Array([...fields, 0n, 0n, 0n, 0n, 0n]);
}

function addressOf(memory: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory));
}
