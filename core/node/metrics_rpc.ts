/**
 * What the gRPC server does, under the names that go-grpc-middleware gives it, and how joins end. The methods are those that
 * the node serves or knows: a caller cannot make series.
 *
 * @module
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import type { CallObserver } from "../rpc/call_observer.ts";
import type { MetricRegistry } from "./metric_registry.ts";

/** The default buckets of Prometheus' clients, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Names of the status codes by number, as grpc-go writes them. */
const CODE_NAMES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** Place in it of what is not in it. */
const UNKNOWN = 2;

const TYPE_NAMES: Readonly<Record<DescMethod["methodKind"], string>> = {
  unary: "unary",
  client_streaming: "client_stream",
  server_streaming: "server_stream",
  bidi_streaming: "bidi_stream",
};

const METHOD_LABELS = ["grpc_type", "grpc_service", "grpc_method"] as const;

/** What is counted of one method. */
interface MethodMetrics {
  readonly started: { add(): void };
  readonly received: { add(): void };
  readonly sent: { add(): void };
  /** By status code. */
  readonly handled: readonly { add(): void }[];
  readonly durations: { observe(value: number): void };
}

/** Declares the families. What is returned keeps them. */
export function rpcMetrics(registry: MetricRegistry): CallObserver {
  const own = registry.declare("");
  const labels = METHOD_LABELS;
  const started = own.counter({ name: "grpc_server_started_total", help: "Calls that have begun.", labels });
  const received = own.counter({ name: "grpc_server_msg_received_total", help: "Request messages.", labels });
  const sent = own.counter({ name: "grpc_server_msg_sent_total", help: "Response messages.", labels });
  const handled = own.counter({
    name: "grpc_server_handled_total",
    help: "Calls that have ended, by status code.",
    labels: [...METHOD_LABELS, "grpc_code"],
  });
  const durations = own.histogram(
    { name: "grpc_server_handling_seconds", help: "How long calls took on the server.", labels },
    BUCKETS,
  );
  const joins = own.counter({
    name: "weft_joins_total",
    help: "Requests to join the mesh that this node has answered, by result.",
    labels: ["result"],
  });
  const known = new WeakMap<DescMethod, MethodMetrics>();
  const of = (method: DescMethod): MethodMetrics => {
    const metrics = known.get(method);
    if (metrics) return metrics;
    const labels = labelsOf(method);
    const made = {
      started: started.of(labels),
      received: received.of(labels),
      sent: sent.of(labels),
      handled: CODE_NAMES.map((grpc_code) => handled.of({ ...labels, grpc_code })),
      durations: durations.of(labels),
    };
    known.set(method, made);
    return made;
  };
  return {
    started: (method) => of(method).started.add(),
    received: (method) => of(method).received.add(),
    sent: (method) => of(method).sent.add(),
    handled(method, code, durationMs) {
      const metrics = of(method);
      (metrics.handled[code] ?? metrics.handled[UNKNOWN])?.add();
      metrics.durations.observe(durationMs / 1000);
      if (method === Node.method.join) joins.add({ result: CODE_NAMES[code] ?? "Unknown" });
    },
  };
}

function labelsOf({ methodKind, parent, name }: DescMethod): Record<(typeof METHOD_LABELS)[number], string> {
  return { grpc_type: TYPE_NAMES[methodKind], grpc_service: parent.typeName, grpc_method: name };
}
