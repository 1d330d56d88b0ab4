import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { JoinResponseSchema } from "../../../proto/gen/v1/node_messages_pb.ts";
import { IpAddress } from "../../../core/ip/address.ts";
import { Prefix } from "../../../core/ip/prefix.ts";
import { formatVoters, linkMember, seedMembers } from "../../../core/node/link_directory.ts";
import type { NodeRecord } from "../../../core/state/queries/node_record.ts";

function ip(text: string): IpAddress {
  const address = IpAddress.parse(text);
  assert(address, text);
  return address;
}

const networkIpv6 = Prefix.parse("fd00:1:2:3::/64");
assert(networkIpv6);

const node: NodeRecord = {
  id: "a:b",
  publicKey: "key-a",
  raftId: 7,
  raftInstance: "",
  raftPort: 9443,
  grpcPort: 8443,
  wireguardPort: 51820,
  primaryEndpoint: ip("192.0.2.1"),
  endpoints: [ip("2001:db8::1"), ip("192.0.2.1")],
  wantsVote: true,
  preferRaftIpv6: false,
  createdAtMs: 0,
  updatedAtMs: 0,
  ipv4: ip("172.16.0.1"),
  ipv6: ip("fd00:1:2:3::1"),
  networkIpv6,
};

const HOSTS = ["172.16.0.1", "fd00:1:2:3::1", "192.0.2.1", "2001:db8::1"];

Deno.test("linkMember: mesh addresses first, each address once", () => {
  const { raftId, publicKey, addresses } = linkMember(node);
  assert.deepEqual([raftId, publicKey], [7, "key-a"]);
  assert.deepEqual(addresses, HOSTS.map((host) => ({ host, port: 9443 })));
  assert.equal(linkMember({ ...node, preferRaftIpv6: true }).addresses[0]?.host, "fd00:1:2:3::1");
});

Deno.test("seedMembers: a Join's answer describes voters as their records do", () => {
  const response = create(JoinResponseSchema, {
    peers: [{
      id: "a:b",
      publicKey: "key-a",
      primaryEndpoint: "192.0.2.1:51820",
      endpoints: ["[2001:db8::1]:51820"],
      addressIpv4: "172.16.0.1/12",
      addressIpv6: "fd00:1:2:3::/64",
    }],
  });
  assert.deepEqual(seedMembers(formatVoters([node]), response), [linkMember(node)]);
});

Deno.test("seedMembers: what is malformed or unknown is left out", () => {
  const response = create(JoinResponseSchema, { peers: [{ id: "a", publicKey: "k", addressIpv6: "junk" }] });
  assert.deepEqual(seedMembers(",x,1:2,0:9443:a,1:9443:zz", response), []);
  assert.deepEqual(seedMembers("1:9443:a", response), [{ raftId: 1, publicKey: "k", addresses: [] }]);
});
