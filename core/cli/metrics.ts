/**
 * `weft status --metrics [NODE_ID]`: `v1.NodeMetrics` of this node or another one of its mesh, as protobuf JSON or for people.
 *
 * @module
 */
import { toJson } from "@bufbuild/protobuf";
import { type NodeMetrics, NodeMetricsSchema } from "../../proto/gen/v1/node_metrics_pb.ts";
import { Control } from "../../proto/gen/weft/v1/control_pb.ts";
import { formatAge, formatBytes, type Layout, printable, printableJson, renderTable } from "./format.ts";
import type { Output } from "./output.ts";
import { askNode, CALL_TIMEOUT_MS, type TargetHost, type TargetOptions } from "./target.ts";

/**
 * Prints the metrics of `nodeId`, or of the node that is asked when it is empty.
 *
 * @param wallMs Now, for handshake ages.
 */
export async function runMetrics(
  nodeId: string,
  options: TargetOptions,
  host: TargetHost,
  output: Output,
  wallMs: number,
): Promise<void> {
  const { message } = await askNode(
    options,
    host,
    (client) => client.unary(Control.method.getNodeMetrics, { id: nodeId }, { deadlineMs: CALL_TIMEOUT_MS }),
  );
  // The message is a published schema of its own: its JSON is exactly protobuf's, without a schema version.
  if (options.json) {
    output.text(`${printableJson(toJson(NodeMetricsSchema, message, { alwaysEmitImplicit: true }), 2)}\n`);
  } else output.lines(metricsLines(message, wallMs, output.layout));
}

/** The text form. @param wallMs Now, for handshake ages. */
export function metricsLines(metrics: NodeMetrics, wallMs: number, layout: Layout): string[] {
  const { system } = metrics;
  const load = system?.cpu?.loadAverage;
  const loads = [load?.one, load?.five, load?.fifteen].map((value) => (value ?? 0).toFixed(2)).join(" ");
  const { host, memory } = system ?? {};
  const facts = [
    layout.style.bold(field(host?.hostname)),
    `system     ${field(host?.os?.name)} ${field(host?.os?.version)}  ${field(host?.architecture)}  up ${
      field(host?.uptime)
    }`,
    `load       ${loads}`,
    `memory     ${bytes(memory?.used)} of ${bytes(memory?.total)} used, ${bytes(memory?.available)} available`,
    `interface  ${field(metrics.deviceName)}  udp ${metrics.listenPort}  received ${
      bytes(metrics.totalReceiveBytes)
    }  sent ${bytes(metrics.totalTransmitBytes)}`,
  ];
  const peers = metrics.peers.map((peer) => [
    printable(peer.publicKey),
    field(peer.endpoint),
    handshakeAge(peer.lastHandshakeTime, wallMs),
    bytes(peer.receiveBytes),
    bytes(peer.transmitBytes),
  ]);
  const disks = (system?.disks ?? []).map((disk) => [
    printable(disk.filesystemPath),
    printable(disk.device),
    bytes(disk.total),
    bytes(disk.free),
    `${disk.usedPercent.toFixed(0)}%`,
  ]);
  return [
    ...facts,
    ...(peers.length === 0 ? [] : ["", ...renderTable(["PEER", "ENDPOINT", "HANDSHAKE", "RX", "TX"], peers, layout)]),
    ...(disks.length === 0 ? [] : ["", ...renderTable(["DISK", "DEVICE", "SIZE", "FREE", "USED"], disks, layout)]),
  ];
}

function handshakeAge(time: string, wallMs: number): string {
  const atMs = Date.parse(time);
  return atMs > 0 ? formatAge(wallMs - atMs) : "never";
}

function bytes(count: bigint | undefined): string {
  return formatBytes(Number(count ?? 0n));
}

function field(text: string | undefined): string {
  return printable(text ?? "") || "-";
}
