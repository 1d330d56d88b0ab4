/**
 * Where to send to a peer (whitepaper §2.1): to where it was last heard from, and before it ever was, to the addresses
 * that the configuration offers, one after the other.
 *
 * @module
 */
import { Endpoint } from "../ip/endpoint.ts";

/** A peer's endpoint and the candidates for it. */
export class EndpointChoice {
  /** Where messages go; family 0 while unknown. One object for life: copy it to keep it. */
  readonly current: Endpoint = new Endpoint();
  readonly #alternatesMax: number;
  #preferred: Endpoint | undefined;
  #candidates: readonly Endpoint[] = [];
  #nextCandidate = 0;
  #isProven = false;
  #changeCount = 0;

  /** @param alternatesMax Alternates kept; those behind are ignored. */
  constructor(alternatesMax: number) {
    this.#alternatesMax = alternatesMax;
  }

  /** True while there is nowhere to send to. */
  get isUnknown(): boolean {
    return this.current.family === 0;
  }

  /** How often {@linkcode current} became another one: who keeps something about it compares this and not bytes. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** True if the peer has proved that it is at {@linkcode current}. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /**
   * Takes what the configuration offers. A preferred endpoint that differs from the one offered before is used at once;
   * the same one again does not undo what was learned since. Copies.
   */
  configure(preferred: Endpoint | undefined, alternates: readonly Endpoint[]): void {
    const candidates = distinct([...(preferred ? [preferred] : []), ...alternates.slice(0, this.#alternatesMax)]);
    if (!sameEndpoints(candidates, this.#candidates)) {
      this.#candidates = candidates;
      this.#nextCandidate = 0;
    }
    const isNew = preferred !== undefined && !(this.#preferred?.equals(preferred) ?? false);
    this.#preferred = preferred?.clone();
    if (isNew) this.#move(preferred);
    else if (this.isUnknown) this.tryNext();
  }

  /** The operator says where the peer is: forgets what was learned. Copies. */
  moveTo(endpoint: Endpoint): void {
    this.#move(endpoint);
  }

  /** The peer has sent an authentic message from `from`. Borrows; hot, and copies only a change. */
  heardFrom(from: Endpoint): void {
    if (!this.current.equals(from)) {
      this.current.copyFrom(from);
      this.#changeCount++;
    } else this.current.copyLocalFrom(from);
    this.#isProven = true;
  }

  /** Nothing came back: goes on to the next candidate, unless the peer is proved to be where we sent to. */
  tryNext(): void {
    if (this.#isProven || this.#candidates.length === 0) return;
    const candidate = this.#candidates[this.#nextCandidate % this.#candidates.length];
    this.#nextCandidate++;
    if (candidate?.equals(this.current) && this.#candidates.length > 1) this.tryNext();
    else if (candidate) this.#move(candidate);
  }

  #move(endpoint: Endpoint): void {
    if (this.current.equals(endpoint)) return;
    this.#isProven = false;
    this.current.copyFrom(endpoint);
    this.#changeCount++;
  }
}

function distinct(endpoints: readonly Endpoint[]): Endpoint[] {
  const kept: Endpoint[] = [];
  for (const endpoint of endpoints) {
    if (!kept.some((other) => other.equals(endpoint))) kept.push(endpoint.clone());
  }
  return kept;
}

function sameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, index) => b[index]?.equals(endpoint));
}
