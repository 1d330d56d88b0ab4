/**
 * The few protobuf messages of the Raft benchmark, by hand, so that the client costs little and the same for every system.
 *
 * `Put { key = 1; value = 2 }` has the field numbers of etcd's `etcdserverpb.PutRequest`, so one encoder serves both.
 *
 * @module
 */

const VARINT = 0;
const BYTES = 2;

/** One field of a message: a number for a varint, bytes for everything that has a length. */
export type Field = readonly [number: number, value: number | Uint8Array];

/** Encodes fields in order. Numbers are below 2^53. */
export function encodeFields(fields: readonly Field[]): Uint8Array {
  const bytes: number[] = [];
  const parts: Uint8Array[] = [];
  const flush = () => parts.push(Uint8Array.from(bytes.splice(0)));
  const varint = (value: number) => {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push(rest % 0x80 | 0x80);
    bytes.push(rest);
  };
  for (const [number, value] of fields) {
    varint(number << 3 | (typeof value === "number" ? VARINT : BYTES));
    if (typeof value === "number") varint(value);
    else {
      varint(value.length);
      flush();
      parts.push(value);
    }
  }
  flush();
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** Decodes all fields. @throws {Error} If it is no message, or has fields of fixed size, which none here has. */
export function decodeFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let offset = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1;; scale *= 0x80) {
      const byte = bytes[offset++];
      if (byte === undefined) throw new Error("A message ends within a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (offset < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === VARINT) fields.push([tag >>> 3, varint()]);
    else if (kind === BYTES) {
      const length = varint();
      fields.push([tag >>> 3, bytes.subarray(offset, offset + length)]);
      offset += length;
    } else throw new Error(`A field has the wire type ${kind}`);
  }
  return fields;
}

/** The last value of a field that has a length; empty if it is absent. */
export function bytesField(fields: readonly Field[], number: number): Uint8Array {
  const value = fields.findLast(([n]) => n === number)?.[1];
  return value instanceof Uint8Array ? value : new Uint8Array();
}

/** The last value of a varint field; 0 if it is absent. */
export function numberField(fields: readonly Field[], number: number): number {
  const value = fields.findLast(([n]) => n === number)?.[1];
  return typeof value === "number" ? value : 0;
}
