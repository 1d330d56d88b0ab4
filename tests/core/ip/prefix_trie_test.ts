import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { PrefixTrie } from "../../../core/ip/prefix_trie.ts";

function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert.ok(parsed, text);
  return parsed;
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  assert.ok(parsed, text);
  return parsed;
}

function trieOf(...texts: string[]): PrefixTrie<string> {
  const trie = new PrefixTrie<string>();
  for (const text of texts) trie.set(prefix(text), text);
  return trie;
}

Deno.test("PrefixTrie.lookupAddress: the longest prefix that holds the address", () => {
  const trie = trieOf("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "fd00::/8", "fd00:1::/64");
  for (
    const [text, expected] of [
      ["10.1.2.3", "10.1.2.3/32"],
      ["10.1.2.4", "10.1.0.0/16"],
      ["10.2.0.1", "10.0.0.0/8"],
      ["11.0.0.1", "0.0.0.0/0"],
      ["fd00:1::5", "fd00:1::/64"],
      ["fd00:2::5", "fd00::/8"],
      ["2001:db8::1", undefined],
    ] as const
  ) assert.equal(trie.lookupAddress(address(text)), expected, text);
});

Deno.test("PrefixTrie.lookup: reads packet bytes at an offset, and only inside them", () => {
  const trie = trieOf("192.0.2.0/24");
  const bytes = Uint8Array.of(9, 9, 192, 0, 2, 77);
  assert.equal(trie.lookup(bytes, 2, 4), "192.0.2.0/24");
  assert.equal(trie.lookup(bytes, 3, 4), undefined);
  assert.equal(trie.lookup(bytes, -1, 4), undefined);
  assert.equal(trie.lookup(bytes, 0, 6), undefined);
});

Deno.test("PrefixTrie: families do not mix", () => {
  const trie = trieOf("::/0");
  assert.equal(trie.lookupAddress(address("10.0.0.1")), undefined);
  assert.equal(trie.lookupAddress(address("::1")), "::/0");
});

Deno.test("PrefixTrie.set: host bits do not matter, the last value wins and the one before is returned", () => {
  const trie = new PrefixTrie<number>();
  assert.equal(trie.set(prefix("10.1.2.3/8"), 1), undefined);
  assert.equal(trie.set(prefix("10.0.0.0/8"), 2), 1);
  assert.equal(trie.size, 1);
  assert.equal(trie.get(prefix("10.9.9.9/8")), 2);
  assert.deepEqual([...trie.entries()].map(([at, value]) => [String(at), value]), [["10.0.0.0/8", 2]]);
});

Deno.test("PrefixTrie.delete: only exactly the prefix, and what it covered falls back", () => {
  const trie = trieOf("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24");
  assert.equal(trie.delete(prefix("10.1.0.0/15")), undefined);
  assert.equal(trie.delete(prefix("10.1.0.0/16")), "10.1.0.0/16");
  assert.equal(trie.delete(prefix("10.1.0.0/16")), undefined);
  assert.equal(trie.lookupAddress(address("10.1.3.1")), "10.0.0.0/8");
  assert.equal(trie.lookupAddress(address("10.1.2.1")), "10.1.2.0/24");
  assert.equal(trie.size, 2);
});

/** Few distinct bits, so that prefixes nest and collide. */
const anyPrefix = fc.oneof(
  fc.tuple(fc.constantFrom("10.0.0.0", "10.128.0.0", "10.0.0.128", "10.0.0.129", "192.0.2.1"), fc.nat(32)),
  fc.tuple(fc.constantFrom("fd00::", "fd00::1", "fd00:0:0:8000::", "fe80::1", "8000::"), fc.nat(128)),
).map(([text, bits]) => prefix(`${text}/${bits}`));

Deno.test("PrefixTrie: agrees with a list searched from end to end", () => {
  const step = fc.record({ at: anyPrefix, insert: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.array(anyPrefix, { maxLength: 20 }), (steps, probes) => {
    const trie = new PrefixTrie<number>();
    const model = new Map<string, [Prefix, number]>();
    steps.forEach(({ at, insert }, value) => {
      const key = String(at.masked());
      const before = model.get(key)?.[1];
      if (insert) {
        assert.equal(trie.set(at, value), before);
        model.set(key, [at.masked(), value]);
      } else {
        assert.equal(trie.delete(at), before);
        model.delete(key);
      }
    });
    assert.equal(trie.size, model.size);
    assert.deepEqual(
      new Map([...trie.entries()].map(([at, value]) => [String(at), value])),
      new Map([...model].map(([key, [, value]]) => [key, value])),
    );
    for (const probe of probes) {
      const holding = [...model.values()].filter(([at]) => at.contains(probe.address));
      const best = holding.sort((a, b) => b[0].bits - a[0].bits)[0]?.[1];
      assert.equal(trie.lookupAddress(probe.address), best, String(probe.address));
    }
  }));
});
