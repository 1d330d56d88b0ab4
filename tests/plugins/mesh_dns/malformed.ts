/**
 * Datagrams that nobody sends who means well, from a seed.
 *
 * @module
 */
import { TYPE } from "../../../plugins/mesh_dns/protocol.ts";
import { edns, queryBytes } from "./paper_mesh.ts";

/** Draws whole numbers from 0 to `limit` - 1. */
export type Below = (limit: number) => number;

/** Xorshift: the same numbers for the same seed. */
export function numbers(seed: number): Below {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

type Make = (below: Below) => Uint8Array;

/** Larger than any that is read whole, smaller than what loopback takes in one piece. */
const LARGE_BYTES = 9_000;
const QUERIES: readonly Uint8Array[] = [
  queryBytes("a.webmesh.internal", "A", edns(1232)),
  queryBytes("_grpc._tcp.webmesh.internal", "SRV", edns(65_535)),
  queryBytes("1.0.83.10.in-addr.arpa", "PTR"),
  queryBytes("webmesh.internal", "AXFR"),
];

/** All kinds, by what is wrong. */
const KINDS: Readonly<Record<string, Make>> = {
  nothing: () => new Uint8Array(0),
  cut: (below) => query(below).subarray(0, below(60)),
  otherBytes(below) {
    const bytes = query(below);
    for (let count = 1 + below(5); count > 0; count--) bytes[below(bytes.length)] = below(256);
    return bytes;
  },
  pointers(below) {
    const bytes = query(below);
    const at = 12 + below(bytes.length - 13);
    bytes[at] = 0xc0 | below(2);
    bytes[at + 1] = below(256);
    return bytes;
  },
  onlyPointers: (below) =>
    joined(header({ questions: 1 }), filled(2 * (1 + below(300)), (i) => i % 2 === 0 ? 0xc0 : 12 + i)),
  noise: (below) => filled(below(600), () => below(256)),
  large: (below) => joined(query(below), filled(below(LARGE_BYTES), () => below(256))),
  wrongCounts(below) {
    const bytes = query(below);
    bytes[4 + below(8)] = below(256);
    return bytes;
  },
  anAnswer(below) {
    const bytes = query(below);
    bytes[2] = 0x80 | below(128);
    return bytes;
  },
  otherOpcode(below) {
    const bytes = query(below);
    bytes[2] = below(16) << 3;
    return bytes;
  },
  manyQuestions: (below) => {
    const count = 2 + below(60);
    const each = query(below).subarray(12, 12 + 24);
    return joined(header({ questions: count }), ...Array.from({ length: count }, () => each));
  },
  /** Bits of the length that mean nothing, and lengths beyond the end. */
  labelLengths: (below) => joined(header({ questions: 1 }), filled(1 + below(300), () => 64 + below(128))),
  longName: (below) =>
    joined(header({ questions: 1 }), ...Array.from({ length: 5 + below(40) }, () => label(63, below)), END),
  wildBytes: (below) => joined(header({ questions: 1 }), label(1 + below(63), below), domain(), END),
  twoOpts: (below) => joined(plain(below, 2), opt(below, 0), opt(below, 0)),
  optLength: (below) => joined(plain(below, 1), opt(below, below(65_536))),
  optOptions: (below) => {
    const count = below(80);
    return joined(plain(below, 1), opt(below, 4 * count), new Uint8Array(4 * count));
  },
  tsig: (below) => joined(plain(below, 1), label(5, below), ROOT, u16s(TYPE.TSIG, 255, 0, 0), tsigData(below)),
  tsigPieces: (below) =>
    joined(plain(below, 1), ROOT, u16s(TYPE.TSIG, 255, 0, 0, below(40)), filled(below(40), () => below(256))),
  manyRecords: (below) => {
    const count = 1 + below(30);
    return joined(
      plain(below, count),
      ...Array.from({ length: count }, () => joined(ROOT, u16s(1 + below(300), 1, 0, 0, 0))),
    );
  },
  trailing: (below) => joined(plain(below, 0), filled(1 + below(200), () => below(256))),
  otherTypes: (below) => joined(header({ questions: 1 }), label(1, below), domain(), ROOT, u16s(below(65_536), 1)),
  otherClasses: (below) => joined(header({ questions: 1 }), domain(), ROOT, u16s(1, below(65_536))),
  transfers: (below) => joined(header({ questions: 1 }), domain(), ROOT, u16s(251 + below(2), 1)),
  /** Nothing is wrong with them, but that there is no end of them: what is kept must be bounded. */
  neverTheSame: (below) =>
    queryBytes(`${word(below)}.${below(2) ? "a." : ""}webmesh.internal`, "A", below(2) ? edns(1232) : {}),
  elsewhere: (below) => queryBytes(`${word(below)}.example`, below(2) ? "A" : "TXT", edns(1232)),
};

/** The kinds that {@linkcode malformed} makes. */
export const MALFORMED_KINDS: readonly string[] = Object.keys(KINDS);

/** Makes one after the other, all kinds equally often. */
export function malformed(seed: number): () => Uint8Array {
  const below = numbers(seed);
  const makes = Object.values(KINDS);
  return () => makes[below(makes.length)]?.(below) ?? END;
}

const ROOT = new Uint8Array(1);
/** End of a name, type A, class IN. */
const END = new Uint8Array([0, 0, 1, 0, 1]);

function query(below: Below): Uint8Array {
  return (QUERIES[below(QUERIES.length)] ?? END).slice();
}

/** A query without additional records, whose header says that there are some. */
function plain(below: Below, additionalCount: number): Uint8Array {
  const bytes = queryBytes("a.webmesh.internal", below(2) ? "A" : "TXT");
  bytes[11] = additionalCount;
  return bytes;
}

function header({ questions }: { readonly questions: number }): Uint8Array {
  return u16s(7, 0x100, questions, 0, 0, 0);
}

function label(length: number, below: Below): Uint8Array {
  return joined(new Uint8Array([length]), filled(length, () => below(256)));
}

function word(below: Below): string {
  return Array.from({ length: 8 }, () => String.fromCharCode(97 + below(26))).join("");
}

/** webmesh.internal without the root. */
function domain(): Uint8Array {
  return queryBytes("webmesh.internal", "A").slice(12, 12 + 17);
}

function opt(below: Below, length: number): Uint8Array {
  return joined(ROOT, u16s(TYPE.OPT, below(65_536), below(2), below(65_536), length));
}

function tsigData(below: Below): Uint8Array {
  const algorithm = queryBytes("hmac-sha256", "A").slice(12, -4);
  const mac = filled(below(40), () => below(256));
  const data = joined(algorithm, u16s(0, 26_000, 0, 300, mac.length), mac, u16s(7, 0, 0));
  return joined(u16s(data.length), data);
}

function filled(length: number, byteAt: (index: number) => number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => byteAt(index));
}

function u16s(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values.flatMap((value) => [value >> 8 & 255, value & 255]));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
