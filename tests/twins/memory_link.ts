/**
 * The underlay in memory: carries datagrams between endpoints with delay, loss, reordering and duplication drawn from a
 * seed, on a clock that the test moves.
 *
 * @module
 */
import type { Endpoint } from "../../core/ip/endpoint.ts";
import { Deadlines, type Scheduled } from "../../core/time/deadlines.ts";
import type { ManualClock } from "./manual_clock.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** Takes a datagram that arrived. Owns `bytes`; borrows `from`. */
export type Receive = (bytes: Uint8Array, from: Endpoint) => void;

/** What happens to datagrams. Fractions are 0 to 1. */
export interface LinkWeather {
  readonly lossFraction: number;
  readonly duplicateFraction: number;
  /** Delays are uniform between the two; different delays reorder. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
}

/** Everything arrives once, in order, 10 ms later. */
export const CALM: LinkWeather = { lossFraction: 0, duplicateFraction: 0, delayMinMs: 10, delayMaxMs: 10 };

interface Flight extends Scheduled {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** Datagrams in flight and who listens where. */
export class MemoryLink {
  weather: LinkWeather = CALM;
  /** Asked for each datagram; false loses it. For partitions and for tests that pick one. */
  passes: (from: Endpoint, to: Endpoint, bytes: Uint8Array) => boolean = () => true;
  readonly #clock: ManualClock;
  readonly #random: SeededRandom;
  readonly #listeners = new Map<string, Receive>();
  readonly #flights = new Deadlines<Flight>();
  #lastCalmMs = -Infinity;

  constructor(clock: ManualClock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Delivers what is sent to `endpoint` to `receive`, from now on. */
  listen(endpoint: Endpoint, receive: Receive): void {
    this.#listeners.set(String(endpoint), receive);
  }

  /** Nobody is at `endpoint` any more; what flies there is lost. */
  leave(endpoint: Endpoint): void {
    this.#listeners.delete(String(endpoint));
  }

  /** Takes a datagram. Copies everything. */
  send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    if (!this.passes(from, to, bytes) || this.#happens(this.weather.lossFraction)) return;
    this.#launch(from, to, bytes);
    if (this.#happens(this.weather.duplicateFraction)) this.#launch(from, to, bytes);
  }

  /** When the next datagram arrives, Infinity if none is in flight. */
  nextMs(): number {
    return this.#flights.nextMs();
  }

  /** Hands out everything that has arrived by now. */
  deliver(): void {
    while (true) {
      const flight = this.#flights.takeDue(this.#clock.now.nowMs);
      if (flight === undefined) return;
      this.#listeners.get(String(flight.to))?.(flight.bytes, flight.from);
    }
  }

  #launch(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const flight = { from: from.clone(), to: to.clone(), bytes: bytes.slice(), deadlineMs: Infinity, deadlineSlot: -1 };
    this.#flights.schedule(flight, this.#arrivalMs());
  }

  #arrivalMs(): number {
    const { delayMinMs, delayMaxMs } = this.weather;
    const spreadMs = delayMaxMs - delayMinMs;
    const atMs = this.#clock.now.nowMs + delayMinMs;
    if (spreadMs > 0) return atMs + this.#random.below(spreadMs * 1000) / 1000;
    // The heap does not keep the order of equals, so those sent together arrive a hair apart.
    this.#lastCalmMs = Math.max(atMs, this.#lastCalmMs + 1e-6);
    return this.#lastCalmMs;
  }

  #happens(fraction: number): boolean {
    return fraction > 0 && this.#random.below(1_000_000) < fraction * 1_000_000;
  }
}
