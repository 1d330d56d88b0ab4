/**
 * How the rows of a query look: as a table, as JSON, and as CSV (RFC 4180). Texts come from other nodes and are not trusted.
 *
 * @module
 */
import type { QueryResponse, QueryValue } from "../../proto/gen/weft/v1/control_pb.ts";
import { type Layout, printable, renderTable } from "./format.ts";

/** The forms. */
export const SQL_FORMATS = ["table", "json", "csv"] as const;

/** One of {@linkcode SQL_FORMATS}. */
export type SqlFormat = (typeof SQL_FORMATS)[number];

/**
 * The `--json` form, without the schema version. Integers that a JSON number cannot hold are texts, blobs are
 * `{"base64": …}`.
 */
export function queryJson({ columns, rows, truncated, appliedIndex }: QueryResponse): Record<string, unknown> {
  return {
    columns,
    rows: rows.map(({ values }) => values.map(jsonValue)),
    truncated: truncated === "" ? null : truncated,
    appliedIndex: Number(appliedIndex),
  };
}

function jsonValue({ kind }: QueryValue): unknown {
  switch (kind.case) {
    case undefined:
      return null;
    case "integer": {
      const number = Number(kind.value);
      return Number.isSafeInteger(number) ? number : `${kind.value}`;
    }
    case "blob":
      return { base64: kind.value.toBase64() };
    default:
      return kind.value;
  }
}

/** The table form; nothing but the header if there are no rows, and nothing at all without columns. */
export function queryLines({ columns, rows }: QueryResponse, layout: Layout): string[] {
  return renderTable(columns.map(printable), rows.map(({ values }) => values.map(cellText)), layout);
}

function cellText({ kind }: QueryValue): string {
  switch (kind.case) {
    case undefined:
      return "NULL";
    case "blob":
      return `x'${kind.value.toHex()}'`;
    default:
      return `${kind.value}`;
  }
}

/** CSV with a header. NULL is an empty field, an empty text is `""`. Control characters go only where nobody looks. */
export function queryCsv({ columns, rows }: QueryResponse, isTerminal: boolean): string {
  const safe = (text: string) => isTerminal ? printable(text) : text;
  const records = [
    columns.map((name) => csvField(safe(name))),
    ...rows.map(({ values }) => values.map(csvValue(safe))),
  ];
  return records.map((fields) => `${fields.join(",")}\n`).join("");
}

function csvValue(safe: (text: string) => string): (value: QueryValue) => string {
  return ({ kind }) => {
    switch (kind.case) {
      case undefined:
        return "";
      case "text":
        return csvField(safe(kind.value));
      case "blob":
        return kind.value.toHex();
      default:
        return `${kind.value}`;
    }
  };
}

function csvField(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What to tell about an answer that is not whole; `undefined` if it is. */
export function truncationText({ rows, truncated }: QueryResponse): string | undefined {
  if (truncated === "") return undefined;
  const why = truncated === "rows" ? "the row limit" : "the size limit of an answer";
  return `only the first ${rows.length} rows: ${why} is reached (--limit, or LIMIT and OFFSET)`;
}
