import { strict as assert } from "node:assert";
import { NODE_ENDPOINT_COUNT_MAX } from "../../../core/state/limits.ts";
import {
  ANNOUNCEMENT_COLUMNS,
  ANNOUNCEMENT_PARAMETERS,
  announcementParameters,
  type NodeAnnouncement,
  parseEndpoints,
  sameAnnouncement,
  validateAnnouncement,
} from "../../../core/state/node_announcement.ts";
import { address } from "./mesh_fixture.ts";

function announcement(changes: Partial<NodeAnnouncement> = {}): NodeAnnouncement {
  return {
    raftPort: 9443,
    grpcPort: 8443,
    wireguardPort: 51820,
    primaryEndpoint: address("192.0.2.1"),
    endpoints: [address("198.51.100.1"), address("2001:db8::1")],
    ...changes,
  };
}

Deno.test("validateAnnouncement: ports are 1..65535, of gRPC also 0", () => {
  assert.equal(validateAnnouncement(announcement()), undefined);
  assert.equal(validateAnnouncement(announcement({ grpcPort: 0, raftPort: 1, wireguardPort: 65535 })), undefined);
  for (const port of [0, -1, 65536, 1.5, NaN]) {
    assert.equal(typeof validateAnnouncement(announcement({ raftPort: port })), "string");
    assert.equal(typeof validateAnnouncement(announcement({ wireguardPort: port })), "string");
    if (port !== 0) assert.equal(typeof validateAnnouncement(announcement({ grpcPort: port })), "string");
  }
});

Deno.test("validateAnnouncement: the most endpoints, and one more", () => {
  const endpoints = (length: number) => Array.from({ length }, () => address("192.0.2.1"));
  assert.equal(validateAnnouncement(announcement({ endpoints: endpoints(NODE_ENDPOINT_COUNT_MAX) })), undefined);
  assert.equal(
    typeof validateAnnouncement(announcement({ endpoints: endpoints(NODE_ENDPOINT_COUNT_MAX + 1) })),
    "string",
  );
});

Deno.test("announcementParameters: one value for every column", () => {
  const parameters = announcementParameters(announcement());
  assert.deepEqual(Object.keys(parameters), ANNOUNCEMENT_COLUMNS.split(", "));
  assert.equal(ANNOUNCEMENT_PARAMETERS, ANNOUNCEMENT_COLUMNS.replaceAll(/\w+/g, ":$&"));
  assert.deepEqual(Object.values(parameters), [9443, 8443, 51820, "192.0.2.1", "198.51.100.1,2001:db8::1"]);
  assert.equal(announcementParameters(announcement({ primaryEndpoint: undefined }))["primary_endpoint"], "");
});

Deno.test("parseEndpoints: reads what announcementParameters wrote, and survives anything else", () => {
  assert.deepEqual(parseEndpoints("198.51.100.1,2001:db8::1").map(String), ["198.51.100.1", "2001:db8::1"]);
  assert.deepEqual(parseEndpoints(""), []);
  assert.deepEqual(parseEndpoints("a,,192.0.2.1,300.0.0.1").map(String), ["192.0.2.1"]);
});

Deno.test("sameAnnouncement: every field counts", () => {
  const one = announcement();
  assert(sameAnnouncement(one, announcement()));
  for (
    const changes of [
      { raftPort: 1 },
      { grpcPort: 1 },
      { wireguardPort: 1 },
      { primaryEndpoint: undefined },
      { primaryEndpoint: address("192.0.2.2") },
      { endpoints: [] },
      { endpoints: one.endpoints.toReversed() },
    ]
  ) assert(!sameAnnouncement(one, announcement(changes)), JSON.stringify(changes));
});
