import assert from "node:assert/strict";
import { fromJsonString } from "@bufbuild/protobuf";
import { runMetrics } from "../../../core/cli/metrics.ts";
import { NodeMetricsSchema } from "../../../proto/gen/v1/node_metrics_pb.ts";
import { FakeNode } from "./fake_node.ts";
import { RecordedOutput } from "./recorded_output.ts";

const ANSWERS = {
  metrics: (id: string) => ({
    deviceName: id || "weft0",
    listenPort: 51820,
    peers: [{ publicKey: "key\u202e", lastHandshakeTime: "0001-01-01T00:00:00Z", receiveBytes: 2048n }],
    system: {
      host: { hostname: "nas", os: { name: "Debian" } },
      disks: [{ filesystemPath: "/", device: "/dev/vda", total: 1024n, usedPercent: 49.6 }],
    },
  }),
};

Deno.test("runMetrics: --json is the message in protobuf JSON, which reads back", async () => {
  await using node = await FakeNode.start(ANSWERS);
  const recorded = new RecordedOutput();
  await runMetrics("nas", { json: true }, node.host, recorded.output, 0);
  const message = fromJsonString(NodeMetricsSchema, recorded.out);
  assert.deepEqual([message.deviceName, message.peers[0]?.receiveBytes], ["nas", 2048n]);
  assert.equal(JSON.parse(recorded.out).system.disks[0].inodesTotal, "0");
});

Deno.test("runMetrics: the text form shows host, peers and disks, and nothing that drives a terminal", async () => {
  await using node = await FakeNode.start(ANSWERS);
  const recorded = new RecordedOutput();
  await runMetrics("", {}, node.host, recorded.output, 0);
  assert.match(recorded.out, /^nas$[^]*^interface {2}weft0 {2}udp 51820/m);
  assert.match(recorded.out, /key\?.* never .*2\.0 KiB/);
  assert.match(recorded.out, /^\/ .*\/dev\/vda.* 50%/m);
});
