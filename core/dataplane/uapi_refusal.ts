/**
 * Why a request on the configuration socket is not carried out, as the number that `wg` turns into words.
 *
 * @module
 */

/** Numbers of Linux that the protocol uses (asm-generic/errno*.h). */
export const UAPI_ERRNO = {
  /** The interface is not to be changed here. */
  EPERM: 1,
  /** Something on this side failed. */
  EIO: 5,
  /** The request is longer than any that makes sense. */
  E2BIG: 7,
  /** A key or value that means nothing. */
  EINVAL: 22,
  /** Not the protocol. */
  EPROTO: 71,
  /** Another program has the port. */
  EADDRINUSE: 98,
  /** The data plane does not answer. */
  ETIMEDOUT: 110,
} as const;

/** The request was understood to be wrong, or could not be done; nothing was changed. */
export interface UapiRefusal {
  readonly kind: "refusal";
  /** Positive. */
  readonly errno: number;
  /** For the log; never holds a key. */
  readonly why: string;
}

/** Makes a refusal. */
export function refusal(errno: keyof typeof UAPI_ERRNO, why: string): UapiRefusal {
  return { kind: "refusal", errno: UAPI_ERRNO[errno], why };
}
