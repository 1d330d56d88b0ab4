/**
 * The head of an HTTP/1.x request (RFC 9112 §2 and §3), as far as a reader of documents needs it: method and path. Header
 * fields are looked at only for their end; a body is never read.
 *
 * @module
 */

/** A head that has not ended after so many bytes is refused. */
export const HEAD_BYTES_MAX = 8_192;

/** What a head says, or why it is refused. */
export type RequestHead =
  | { readonly kind: "incomplete" }
  | { readonly kind: "refused"; readonly status: 400 | 405 | 431 }
  | { readonly kind: "get"; readonly path: string; readonly withBody: boolean };

const REQUEST_LINE = /^([A-Z]{1,16}) (\/[!-~]*) HTTP\/1\.[01]$/;

/** Reads what has come so far. Borrows `bytes`. */
export function readHead(bytes: Uint8Array): RequestHead {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) return bytes.length >= HEAD_BYTES_MAX ? { kind: "refused", status: 431 } : { kind: "incomplete" };
  const [, method, target = ""] = REQUEST_LINE.exec(text.slice(0, end.index).split(/\r?\n/, 1)[0] ?? "") ?? [];
  if (method === undefined) return { kind: "refused", status: 400 };
  if (method !== "GET" && method !== "HEAD") return { kind: "refused", status: 405 };
  return { kind: "get", path: target.split("?", 1)[0] ?? "", withBody: method === "GET" };
}
