/**
 * The head of an HTTP/1.x request (RFC 9112 §2, §3, §5 and §6): method, target, fields, and how long the body is. Pure.
 *
 * Left out: folded lines (refused, as §5.2 asks), the forms of a target that proxies are asked with, and bodies whose
 * length is not said before they begin.
 *
 * @module
 */

/** A head that has not ended after so many bytes is refused. */
export const HTTP_HEAD_BYTES_MAX = 8_192;

/** What a head says, or why it is refused. */
export type HttpHead =
  | { readonly kind: "incomplete" }
  | { readonly kind: "refused"; readonly status: 400 | 411 | 431 }
  | {
    readonly kind: "request";
    readonly method: string;
    /** From the slash on, with the query. */
    readonly target: string;
    /** Names in lower case. */
    readonly fields: readonly (readonly [name: string, value: string])[];
    /** Of the head itself, with the line that ends it. */
    readonly headBytes: number;
    /** Of the body behind it. */
    readonly bodyBytes: number;
  };

const REQUEST_LINE = /^([A-Z]{1,16}) (\/[!-~]*) HTTP\/1\.[01]$/;
const FIELD_LINE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*$/;
const LENGTH = /^\d{1,15}$/;

/** Reads what has come so far. Borrows `bytes`. */
export function readHttpHead(bytes: Uint8Array): HttpHead {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) return bytes.length >= HTTP_HEAD_BYTES_MAX ? refused(431) : { kind: "incomplete" };
  const headBytes = end.index + end[0].length;
  if (headBytes > HTTP_HEAD_BYTES_MAX) return refused(431);
  const [requestLine = "", ...fieldLines] = text.slice(0, end.index).split(/\r?\n/);
  const [, method, target] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) return refused(400);
  const fields: (readonly [string, string])[] = [];
  for (const line of fieldLines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return refused(400);
    fields.push([name.toLowerCase(), value]);
  }
  const valuesOf = (wanted: string) => fields.flatMap(([name, value]) => name === wanted ? [value] : []);
  if (valuesOf("transfer-encoding").length > 0) return refused(411);
  const [length = "0", ...others] = valuesOf("content-length");
  if (others.length > 0 || !LENGTH.test(length)) return refused(400);
  return { kind: "request", method, target, fields, headBytes, bodyBytes: Number(length) };
}

function refused(status: 400 | 411 | 431): HttpHead {
  return { kind: "refused", status };
}
