import { strict as assert } from "node:assert";
import { loadSqlEngine } from "../../../../core/io/sqljs.ts";
import { raftMembers } from "../../../../core/state/queries/raft_members.ts";
import { address, newMesh } from "../mesh_fixture.ts";

const engine = await loadSqlEngine();

Deno.test("raftMembers: all nodes by number, with wish, log, and addresses", () => {
  using mesh = newMesh(engine);
  mesh.join(1, { id: "a", wantsVote: true, raftPort: 7 });
  mesh.join(2, { preferRaftIpv6: true, primaryEndpoint: undefined });
  mesh.join(3, { assignIpv4: false, endpoints: [] });
  mesh.join(4, { primaryEndpoint: address("198.51.100.1") });
  const members = mesh.machine.read(raftMembers);
  assert.deepEqual(
    members.map((member) => [
      member.raftId,
      member.nodeId,
      member.wantsVote,
      member.raftInstance,
      member.raftPort,
      `${member.meshAddress}`,
      member.underlayAddresses.map(String).join(" "),
    ]),
    [
      [1, "node-0", true, "log-0", 9443, "172.16.0.1", "192.0.2.1 2001:db8::1"],
      [2, "a", true, "log-1", 7, "172.16.0.2", "192.0.2.1 2001:db8::1"],
      [3, "node-2", false, "log-2", 9443, "fd12:3456:789a:3::1", "192.0.2.1 2001:db8::1"],
      [4, "node-3", false, "log-3", 9443, "fd12:3456:789a:4::1", "192.0.2.1"],
      [5, "node-4", false, "log-4", 9443, "172.16.0.4", "198.51.100.1 192.0.2.1 2001:db8::1"],
    ],
  );
});
