/**
 * Cryptokey routing (whitepaper §2): a prefix belongs to one peer. Outgoing packets go to the peer that their
 * destination belongs to, incoming ones are accepted if their source belongs to the peer that sent them.
 *
 * @module
 */
import { assert } from "../assert.ts";
import type { IpFamily } from "../ip/address.ts";
import { ipDestinationOffset, ipSourceOffset } from "../ip/header.ts";
import type { Prefix } from "../ip/prefix.ts";
import { PrefixTrie } from "../ip/prefix_trie.ts";

/** What prefixes belong to. */
export interface PrefixOwner {
  /** The owner's prefixes by their text. Changed by {@linkcode AllowedIps} alone. */
  readonly ownPrefixes: Map<string, Prefix>;
}

/** Prefixes and their owners. */
export class AllowedIps<Owner extends PrefixOwner> {
  readonly #trie = new PrefixTrie<Owner>();
  readonly #prefixesMax: number;

  /** @param prefixesMax Prefixes of all owners together. */
  constructor(prefixesMax: number) {
    this.#prefixesMax = prefixesMax;
  }

  /** Prefixes of all owners. */
  get size(): number {
    return this.#trie.size;
  }

  /**
   * Makes `prefixes`, host bits ignored, all that `owner` has. Prefixes of other owners move over, at once.
   *
   * @throws {RangeError} If that is more than fits; nothing is changed then.
   */
  replace(owner: Owner, prefixes: readonly Prefix[]): void {
    const wanted = new Map(prefixes.map((prefix) => [String(prefix.masked()), prefix.masked()]));
    this.#checkRoom(owner, wanted);
    for (const [text, prefix] of owner.ownPrefixes) {
      if (wanted.has(text)) continue;
      owner.ownPrefixes.delete(text);
      this.#trie.delete(prefix);
    }
    for (const [text, prefix] of wanted) {
      if (owner.ownPrefixes.has(text)) continue;
      this.#trie.set(prefix, owner)?.ownPrefixes.delete(text);
      owner.ownPrefixes.set(text, prefix);
    }
  }

  /** The owner of the destination of the packet at `offset`. Borrows; hot. */
  ofDestination(buffer: Uint8Array, offset: number, family: IpFamily): Owner | undefined {
    return this.#trie.lookup(buffer, offset + ipDestinationOffset(family), family);
  }

  /** The owner of the source of the packet at `offset`. Borrows; hot. */
  ofSource(buffer: Uint8Array, offset: number, family: IpFamily): Owner | undefined {
    return this.#trie.lookup(buffer, offset + ipSourceOffset(family), family);
  }

  /** For tests and simulation. @throws {InvariantError} If table and owners disagree. */
  checkInvariants(owners: Iterable<Owner>): void {
    let count = 0;
    for (const owner of owners) {
      for (const prefix of owner.ownPrefixes.values()) {
        assert(this.#trie.get(prefix) === owner, "A prefix belongs to the owner that lists it");
        count++;
      }
    }
    assert(count === this.#trie.size, "Every prefix has an owner that lists it");
  }

  #checkRoom(owner: Owner, wanted: ReadonlyMap<string, Prefix>): void {
    let size = this.#trie.size - owner.ownPrefixes.size;
    for (const [text, prefix] of wanted) {
      if (owner.ownPrefixes.has(text) || this.#trie.get(prefix) === undefined) size++;
    }
    if (size > this.#prefixesMax) throw new RangeError(`Cannot allow more than ${this.#prefixesMax} prefixes`);
  }
}
