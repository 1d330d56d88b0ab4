import assert from "node:assert/strict";
import type { RpcContext } from "../../../core/plugin/rpc.ts";
import { AclChanges, WAITING_CHANGES_MAX } from "../../../plugins/admin_api/acl_changes.ts";

const CALL: RpcContext = {
  methodPath: "/v1.Admin/PutRaftACL",
  peer: { address: "unix", transport: "unix", identity: undefined },
  metadata: new Map(),
  deadlineWallMs: Infinity,
  signal: new AbortController().signal,
  sendInitialMetadata() {},
  setTrailer() {},
};

Deno.test("AclChanges: one change more than may wait is refused, and there is room again afterwards", async () => {
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  const changes = new AclChanges({
    read: async () => {
      reads++;
      await gate.promise;
      throw new Error("no leader");
    },
    propose: () => Promise.reject(new Error("not reached")),
    raft: () => assert.fail("not reached"),
    time: { delay: () => Promise.resolve() },
    clock: { monotonicMs: () => 0, wallMs: () => 0 },
  });
  const waiting = Array.from({ length: WAITING_CHANGES_MAX }, (_, i) => changes.delete(`${i}`, CALL));
  await assert.rejects(changes.delete("more", CALL), { reason: "unavailable" });
  assert.equal(reads, 1, "one at a time");
  gate.resolve();
  const ended = await Promise.allSettled(waiting);
  assert(ended.every(({ status }) => status === "rejected"));
  await assert.rejects(changes.delete("more", CALL), /no leader/);
});
