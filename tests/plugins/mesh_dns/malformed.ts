/**
 * Datagrams that nobody sends who means well, from a seed.
 *
 * @module
 */
import { edns, queryBytes } from "./paper_mesh.ts";

/** Makes one after the other: pieces of queries, queries with other bytes here and there, pointers, noise. */
export function malformed(seed: number): () => Uint8Array {
  let state = seed >>> 0 || 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const queries = [
    queryBytes("a.webmesh.internal", "A", edns(1232)),
    queryBytes("_grpc._tcp.webmesh.internal", "SRV", edns(65_535)),
    queryBytes("1.0.83.10.in-addr.arpa", "PTR"),
    queryBytes("webmesh.internal", "AXFR"),
  ];
  return () => {
    const whole = (queries[below(queries.length)] ?? new Uint8Array(12)).slice();
    switch (below(4)) {
      case 0:
        return whole.subarray(0, below(whole.length));
      case 1:
        for (let count = 1 + below(5); count > 0; count--) whole[below(whole.length)] = below(256);
        return whole;
      case 2: {
        const at = 12 + below(whole.length - 13);
        whole[at] = 0xc0 | below(2);
        whole[at + 1] = below(256);
        return whole;
      }
      default:
        return Uint8Array.from({ length: below(600) }, () => below(256));
    }
  };
}
