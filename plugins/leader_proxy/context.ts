/**
 * Contexts that the proxy puts in place of the one that the listener made.
 *
 * @module
 */
import type { RpcContext, RpcMetadata, RpcPeer } from "../../core/mod.ts";

/** The same call, seen through another's eyes; what it does not change it passes on. */
class PassedContext implements RpcContext {
  protected readonly inner: RpcContext;

  constructor(inner: RpcContext) {
    this.inner = inner;
  }

  get methodPath(): string {
    return this.inner.methodPath;
  }

  get peer(): RpcPeer {
    return this.inner.peer;
  }

  get metadata(): RpcMetadata {
    return this.inner.metadata;
  }

  get deadlineWallMs(): number {
    return this.inner.deadlineWallMs;
  }

  get signal(): AbortSignal {
    return this.inner.signal;
  }

  sendInitialMetadata(entries: Readonly<Record<string, string>>): void {
    this.inner.sendInitialMetadata(entries);
  }

  setTrailer(name: string, value: string): void {
    this.inner.setTrailer(name, value);
  }
}

/** A call that another node has forwarded: its caller is the one that called there. */
export class ForwardedContext extends PassedContext {
  readonly #peer: RpcPeer;

  constructor(inner: RpcContext, peer: RpcPeer) {
    super(inner);
    this.#peer = peer;
  }

  override get peer(): RpcPeer {
    return this.#peer;
  }
}

/** A call with one more word of metadata. */
export class NamedContext extends PassedContext {
  readonly #metadata: RpcMetadata;

  constructor(inner: RpcContext, key: string, value: string) {
    super(inner);
    this.#metadata = new Map([...inner.metadata, [key, value]]);
  }

  override get metadata(): RpcMetadata {
    return this.#metadata;
  }
}

/** A call that another server may yet answer: trailers wait until it is clear that this one did. */
export class AttemptContext extends PassedContext {
  readonly #trailers: [name: string, value: string][] = [];
  /** True once the caller has heard something. */
  hasBegun = false;

  override sendInitialMetadata(entries: Readonly<Record<string, string>>): void {
    this.hasBegun = true;
    super.sendInitialMetadata(entries);
  }

  override setTrailer(name: string, value: string): void {
    this.#trailers.push([name, value]);
  }

  /** This was the answer. */
  settle(): void {
    for (const [name, value] of this.#trailers) this.inner.setTrailer(name, value);
  }
}
