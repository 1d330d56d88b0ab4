/**
 * Longest-prefix match (RFC 4632 §5.1) over IPv4 and IPv6, straight from packet bytes.
 *
 * Two binary tries with paths compressed, one per family: a node stands where two prefixes part or where a prefix
 * ends. On the way down only the one bit is read where a node parts; the skipped bits are compared at nodes that hold
 * a value. That is right because whatever hangs below a node whose prefix does not match cannot match either. So a
 * lookup costs about log2(n) steps however long the addresses are, and allocates nothing.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { IpAddress, type IpFamily } from "./address.ts";
import { Prefix } from "./prefix.ts";

interface Node<T> {
  /** The prefix in network order; bits past `bits` mean nothing. */
  readonly key: Uint8Array;
  readonly bits: number;
  value: T | undefined;
  zero: Node<T> | undefined;
  one: Node<T> | undefined;
}

/** A map from prefixes to values, looked up by address. `undefined` is not a value. */
export class PrefixTrie<T> {
  #ipv4: Node<T> | undefined;
  #ipv6: Node<T> | undefined;
  #size = 0;

  /** Prefixes in it. */
  get size(): number {
    return this.#size;
  }

  /** Maps `prefix`, host bits ignored, to `value`. Returns the value it had before. */
  set(prefix: Prefix, value: T): T | undefined {
    const before = this.get(prefix);
    const root = insert(this.#root(prefix.family), prefix.address.toBytes(), prefix.bits, value);
    this.#setRoot(prefix.family, root);
    if (before === undefined) this.#size++;
    return before;
  }

  /** The value of exactly this prefix. */
  get(prefix: Prefix): T | undefined {
    const key = prefix.address.toBytes();
    let node = this.#root(prefix.family);
    while (node !== undefined && node.bits < prefix.bits) node = bitAt(key, 0, node.bits) ? node.one : node.zero;
    return node !== undefined && node.bits === prefix.bits && startsWith(key, 0, node) ? node.value : undefined;
  }

  /** Takes exactly this prefix out. Returns the value it had. */
  delete(prefix: Prefix): T | undefined {
    const before = this.get(prefix);
    if (before === undefined) return undefined;
    this.#setRoot(prefix.family, remove(this.#root(prefix.family), prefix.address.toBytes(), prefix.bits));
    this.#size--;
    return before;
  }

  /**
   * The value of the longest prefix that holds the address at `offset`: 4 or 16 bytes in network order by `family`.
   * `undefined` if no prefix holds it or the bytes end before the address does. Borrows; hot.
   */
  lookup(bytes: Uint8Array, offset: number, family: IpFamily): T | undefined {
    const widthBits = family === 4 ? 32 : 128;
    if (offset < 0 || offset + widthBits / 8 > bytes.length) return undefined;
    let node = family === 4 ? this.#ipv4 : this.#ipv6;
    let best: T | undefined;
    while (node !== undefined) {
      if (node.value !== undefined) {
        if (!startsWith(bytes, offset, node)) break;
        best = node.value;
      }
      if (node.bits === widthBits) break;
      node = bitAt(bytes, offset, node.bits) ? node.one : node.zero;
    }
    return best;
  }

  /** The value of the longest prefix that holds `address`. */
  lookupAddress(address: IpAddress): T | undefined {
    return this.lookup(address.toBytes(), 0, address.family);
  }

  /** All prefixes and values, IPv4 first, each family in order of address and then length. */
  *entries(): Generator<[Prefix, T]> {
    yield* walk(this.#ipv4);
    yield* walk(this.#ipv6);
  }

  #root(family: IpFamily): Node<T> | undefined {
    return family === 4 ? this.#ipv4 : this.#ipv6;
  }

  #setRoot(family: IpFamily, root: Node<T> | undefined): void {
    if (family === 4) this.#ipv4 = root;
    else this.#ipv6 = root;
  }
}

/** The subtree `node` with the prefix in it. */
function insert<T>(node: Node<T> | undefined, key: Uint8Array, bits: number, value: T): Node<T> {
  if (node === undefined) return leaf(key, bits, value);
  const sharedBits = commonBits(node.key, key, Math.min(node.bits, bits));
  if (sharedBits === node.bits) {
    if (node.bits === bits) node.value = value;
    else if (bitAt(key, 0, node.bits)) node.one = insert(node.one, key, bits, value);
    else node.zero = insert(node.zero, key, bits, value);
    return node;
  }
  const parent = leaf<T>(key, sharedBits, undefined);
  if (bitAt(node.key, 0, sharedBits)) parent.one = node;
  else parent.zero = node;
  return insert(parent, key, bits, value);
}

/** The subtree `node` without the prefix, which is in it; nodes that no longer part anything go too. */
function remove<T>(node: Node<T> | undefined, key: Uint8Array, bits: number): Node<T> | undefined {
  if (node === undefined) return undefined;
  if (node.bits === bits) node.value = undefined;
  else if (bitAt(key, 0, node.bits)) node.one = remove(node.one, key, bits);
  else node.zero = remove(node.zero, key, bits);
  const isNeeded = node.value !== undefined || (node.zero !== undefined && node.one !== undefined);
  return isNeeded ? node : node.zero ?? node.one;
}

function* walk<T>(node: Node<T> | undefined): Generator<[Prefix, T]> {
  if (node === undefined) return;
  if (node.value !== undefined) yield [prefixOf(node), node.value];
  yield* walk(node.zero);
  yield* walk(node.one);
}

function leaf<T>(key: Uint8Array, bits: number, value: T | undefined): Node<T> {
  return { key, bits, value, zero: undefined, one: undefined };
}

function prefixOf<T>(node: Node<T>): Prefix {
  const address = IpAddress.fromBytes(node.key);
  const prefix = address && Prefix.of(address, node.bits);
  assert(prefix !== undefined, "A node holds a prefix of its family");
  return prefix.masked();
}

/** Bit `index` of the address at `offset`, counted from the most significant. */
function bitAt(bytes: Uint8Array, offset: number, index: number): boolean {
  return (bytes[offset + (index >>> 3)]! & (0x80 >>> (index & 7))) !== 0;
}

/** True if the address at `offset` starts with the node's prefix. */
function startsWith<T>(bytes: Uint8Array, offset: number, node: Node<T>): boolean {
  const key = node.key;
  const wholeBytes = node.bits >>> 3;
  for (let i = 0; i < wholeBytes; i++) if (bytes[offset + i] !== key[i]) return false;
  const restBits = node.bits & 7;
  return restBits === 0 || ((bytes[offset + wholeBytes]! ^ key[wholeBytes]!) >>> (8 - restBits)) === 0;
}

/** How many leading bits are equal, at most `bitsMax`. */
function commonBits(a: Uint8Array, b: Uint8Array, bitsMax: number): number {
  let bits = 0;
  while (bits < bitsMax) {
    const difference = a[bits >>> 3]! ^ b[bits >>> 3]!;
    if (difference !== 0) return Math.min(bitsMax, bits + Math.clz32(difference) - 24);
    bits += 8;
  }
  return bitsMax;
}
