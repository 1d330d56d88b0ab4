/**
 * From the bytes of a query to the bytes of its answer: who may ask, signatures, EDNS, sizes, and what is sent for errors. Does no
 * I/O; names elsewhere are handed back to be forwarded.
 *
 * @module
 */
import { type Answer, answerQuestion, refusal } from "./answer.ts";
import { answerFrom, EncodedAnswers } from "./encoded_answers.ts";
import { ErrorBudget } from "./error_budget.ts";
import { encodeAnswer, encodeProblem } from "./message.ts";
import { FLAG_QR, FLAG_RD, HEADER_BYTES, RCODE, TCP_BYTES_MAX, UDP_BYTES_MAX, UDP_BYTES_MIN } from "./protocol.ts";
import { type Query, readQuery, u16 } from "./query.ts";
import { signAnswer, tsigBytes, type TsigKey, type TsigVerdict, UNKNOWN_KEY, verifyTsig } from "./tsig.ts";
import type { Zone } from "./zone.ts";

/** How a query came. */
export interface Arrival {
  readonly transport: "udp" | "tcp";
  /** False for strangers, who are refused. */
  readonly isAllowed: boolean;
  readonly nowMs: number;
  /** Wall clock. */
  readonly wallS: number;
}

/** Why there is no answer. */
export type Silence = "short" | "answer" | "rate";

/** What to do with a query. */
export type Response =
  | { readonly kind: "answer"; readonly bytes: Uint8Array; readonly rcode: number }
  | { readonly kind: "silence"; readonly reason: Silence }
  /** The name is elsewhere; {@linkcode Responder.finish} completes the answer. */
  | { readonly kind: "forward"; readonly query: Query; readonly verdict: TsigVerdict | undefined };

/** What a server is told. */
export interface ResponderParts {
  readonly zone: Zone;
  readonly key: TsigKey | undefined;
  readonly forwards: boolean;
}

/** Names that are nobody's to ask others for (RFC 6761, RFC 6762, RFC 7686). */
const NEVER_FORWARDED = /(^|\.)(localhost|local|invalid|test|onion)$/;
/** What may be remembered for the same question. */
const KEPT_RCODES: ReadonlySet<number> = new Set([RCODE.NOERROR, RCODE.NXDOMAIN]);

/** See the module. */
export class Responder {
  readonly #key: TsigKey | undefined;
  readonly #forwards: boolean;
  readonly #errors = new ErrorBudget();
  readonly #encoded = new EncodedAnswers();
  #zone: Zone;

  constructor({ zone, key, forwards }: ResponderParts) {
    this.#zone = zone;
    this.#key = key;
    this.#forwards = forwards;
  }

  /** What is answered from now on. */
  set zone(zone: Zone) {
    this.#zone = zone;
    this.#encoded.clear();
  }

  get zone(): Zone {
    return this.#zone;
  }

  /** Answers that are kept encoded. */
  get keptCount(): number {
    return this.#encoded.size;
  }

  /** Never throws, whatever the bytes. Borrows `bytes`; a query that is to be forwarded keeps them. */
  respond(bytes: Uint8Array, arrival: Arrival): Response {
    if (bytes.length < HEADER_BYTES) return { kind: "silence", reason: "short" };
    if ((u16(bytes, 2) & FLAG_QR) !== 0) return { kind: "silence", reason: "answer" };
    if (!arrival.isAllowed) return this.#problem(bytes, RCODE.REFUSED, arrival);
    const isKeepable = arrival.transport === "udp" && this.#key === undefined;
    const kept = isKeepable ? this.#encoded.find(bytes) : undefined;
    if (kept) return { kind: "answer", bytes: answerFrom(kept, bytes), rcode: kept.rcode };
    const response = this.respondSlowly(bytes, arrival);
    if (isKeepable && response.kind === "answer" && KEPT_RCODES.has(response.rcode)) {
      this.#encoded.keep(response.bytes.slice(), response.rcode);
    }
    return response;
  }

  /** The same without what is kept. */
  respondSlowly(bytes: Uint8Array, arrival: Arrival): Response {
    const query = readQuery(bytes);
    if ("problem" in query) {
      if (query.problem === "short" || query.problem === "answer") return { kind: "silence", reason: query.problem };
      return this.#problem(bytes, query.problem === "opcode" ? RCODE.NOTIMP : RCODE.FORMERR, arrival);
    }
    const verdict = this.#verify(query, arrival);
    if (verdict === "malformed") return this.#problem(bytes, RCODE.FORMERR, arrival);
    if (verdict === "refused") return this.#error(query, RCODE.REFUSED, undefined, arrival);
    if (verdict && verdict.error !== 0) return this.#error(query, RCODE.NOTAUTH, verdict, arrival);
    if (query.edns && query.edns.version !== 0) return this.#error(query, RCODE.BADVERS, verdict, arrival);
    const answer = answerQuestion(query.question, this.#zone);
    if (answer !== "elsewhere") {
      if (!KEPT_RCODES.has(answer.rcode)) return this.#error(query, answer.rcode, verdict, arrival);
      return { kind: "answer", bytes: this.#encode(query, answer, verdict, arrival), rcode: answer.rcode };
    }
    const isForwarded = this.#forwards && (query.flags & FLAG_RD) !== 0 &&
      !NEVER_FORWARDED.test(query.question.name);
    if (isForwarded) return { kind: "forward", query, verdict };
    return this.#error(query, RCODE.REFUSED, verdict, arrival);
  }

  /** The answer to a forwarded query: `bytes` as it came from upstream, or an error if that failed. */
  finish(
    query: Query,
    verdict: TsigVerdict | undefined,
    answer: { readonly bytes: Uint8Array; readonly rcode: number } | undefined,
    arrival: Arrival,
  ): Response {
    if (!answer) return this.#error(query, RCODE.SERVFAIL, verdict, arrival);
    const { rcode } = answer;
    if (answer.bytes.length + this.#signatureBytes(query) > bytesMax(query, arrival)) {
      const bytes = encodeAnswer(query, { ...refusal(rcode), answers: [] }, {
        bytesMax: query.question.end,
        isRecursionAvailable: true,
      });
      bytes[2] = (bytes[2] ?? 0) | 0x02;
      return { kind: "answer", bytes: this.#sign(query, bytes, verdict, arrival), rcode };
    }
    return { kind: "answer", bytes: this.#sign(query, answer.bytes, verdict, arrival), rcode };
  }

  /** With a key, nothing is answered that is not signed by it, whatever the transport. */
  #verify(query: Query, { wallS }: Arrival): TsigVerdict | "refused" | "malformed" | undefined {
    if (!this.#key) return query.tsig ? UNKNOWN_KEY : undefined;
    return query.tsig ? verifyTsig(query, query.tsig, this.#key, wallS) : "refused";
  }

  #problem(bytes: Uint8Array, rcode: number, arrival: Arrival): Response {
    if (!this.#mayErr(arrival)) return { kind: "silence", reason: "rate" };
    return { kind: "answer", bytes: encodeProblem(bytes, rcode), rcode };
  }

  #error(query: Query, rcode: number, verdict: TsigVerdict | undefined, arrival: Arrival): Response {
    if (!this.#mayErr(arrival)) return { kind: "silence", reason: "rate" };
    return { kind: "answer", bytes: this.#encode(query, refusal(rcode), verdict, arrival), rcode };
  }

  #mayErr({ transport, nowMs }: Arrival): boolean {
    return transport === "tcp" || this.#errors.take(nowMs);
  }

  #encode(query: Query, answer: Answer, verdict: TsigVerdict | undefined, arrival: Arrival): Uint8Array {
    const bytes = encodeAnswer(query, answer, {
      bytesMax: bytesMax(query, arrival) - this.#signatureBytes(query),
      isRecursionAvailable: this.#forwards,
    });
    return this.#sign(query, bytes, verdict, arrival);
  }

  #signatureBytes({ tsig }: Query): number {
    return tsig ? tsigBytes(tsig.keyName) : 0;
  }

  #sign(query: Query, bytes: Uint8Array, verdict: TsigVerdict | undefined, { wallS }: Arrival): Uint8Array {
    if (!query.tsig || !verdict) return bytes;
    return signAnswer(bytes, query.tsig, verdict, this.#key, wallS);
  }
}

/** What may be sent back. */
function bytesMax({ edns }: Query, { transport }: Arrival): number {
  if (transport === "tcp") return TCP_BYTES_MAX;
  return edns ? Math.min(Math.max(edns.udpBytesMax, UDP_BYTES_MIN), UDP_BYTES_MAX) : UDP_BYTES_MIN;
}
