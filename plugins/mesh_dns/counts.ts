/**
 * What is counted, and how the metrics show it.
 *
 * @module
 */
import type { Metrics } from "../../core/mod.ts";
import type { Forwarder } from "./forwarder.ts";
import { rcodeName } from "./protocol.ts";
import type { Responder, Silence } from "./responder.ts";
import type { TcpEnd, TcpRoom } from "./tcp_service.ts";

/** The transports. */
export type Transport = "udp" | "tcp";

/** Plain numbers: counting costs nothing next to answering. */
export class Counts {
  /** By response code. */
  readonly answers: Readonly<Record<Transport, number[]>> = { udp: [], tcp: [] };
  readonly silences: Record<Silence, number> = { short: 0, answer: 0, rate: 0 };
  /** TCP connections that this server closed. */
  readonly ends: Record<NonNullable<TcpEnd> | "stranger", number> = { idle: 0, room: 0, malformed: 0, stranger: 0 };

  answered(transport: Transport, rcode: number): void {
    this.answers[transport][rcode] = (this.answers[transport][rcode] ?? 0) + 1;
  }

  closed(reason: TcpEnd | "stranger"): void {
    if (reason) this.ends[reason]++;
  }
}

/** Declares all metrics. */
export function declareMetrics(
  metrics: Metrics,
  counts: Counts,
  room: TcpRoom,
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
    () => [{ labels: {}, value: room.size }],
  );
  metrics.collect(
    "counter",
    {
      name: "tcp_closed_total",
      help: "TCP connections that were closed by this server, by reason.",
      labels: ["reason"],
    },
    () => Object.entries(counts.ends).map(([reason, value]) => ({ labels: { reason }, value })),
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
