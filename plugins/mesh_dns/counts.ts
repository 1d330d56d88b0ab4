/**
 * What is counted, and how the metrics show it.
 *
 * @module
 */
import type { Metrics } from "../../core/mod.ts";
import type { Forwarder } from "./forwarder.ts";
import { rcodeName } from "./protocol.ts";
import type { Responder, Silence } from "./responder.ts";

/** The transports. */
export type Transport = "udp" | "tcp";

/** Plain numbers: counting costs nothing next to answering. */
export class Counts {
  /** By response code. */
  readonly answers: Readonly<Record<Transport, number[]>> = { udp: [], tcp: [] };
  readonly silences: Record<Silence, number> = { short: 0, answer: 0, rate: 0 };
  /** Open TCP connections. */
  connections = 0;

  answered(transport: Transport, rcode: number): void {
    this.answers[transport][rcode] = (this.answers[transport][rcode] ?? 0) + 1;
  }
}

/** Declares all metrics. */
export function declareMetrics(
  metrics: Metrics,
  counts: Counts,
  responder: Responder,
  forwarder: Forwarder | undefined,
): void {
  metrics.collect(
    "counter",
    { name: "answers_total", help: "Answers by transport and response code.", labels: ["transport", "rcode"] },
    () =>
      (["udp", "tcp"] as const).flatMap((transport) =>
        counts.answers[transport].map((value, rcode) => ({ labels: { transport, rcode: rcodeName(rcode) }, value }))
          .filter(({ value }) => value > 0)
      ),
  );
  metrics.collect(
    "counter",
    { name: "unanswered_total", help: "Messages that were not answered, by reason.", labels: ["reason"] },
    () => Object.entries(counts.silences).map(([reason, value]) => ({ labels: { reason }, value })),
  );
  metrics.collect(
    "gauge",
    { name: "tcp_connections", help: "Open TCP connections." },
    () => [{ labels: {}, value: counts.connections }],
  );
  metrics.collect(
    "gauge",
    { name: "kept_answers", help: "Answers of the mesh's own that are kept encoded." },
    () => [{ labels: {}, value: responder.keptCount }],
  );
  if (!forwarder) return;
  metrics.collect(
    "counter",
    { name: "forwarded_total", help: "Queries for other names, by what came of them.", labels: ["result"] },
    () => Object.entries(forwarder.counts).map(([result, value]) => ({ labels: { result }, value })),
  );
  metrics.collect(
    "gauge",
    { name: "forward_cache_entries", help: "Answers of other servers that are kept." },
    () => [{ labels: {}, value: forwarder.cacheSize }],
  );
}
