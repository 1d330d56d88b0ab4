import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { ACLAction, RaftACLSchema } from "../../../proto/gen/v1/admin_messages_pb.ts";
import { aclMessage, checkAclName, checkedAcl } from "../../../plugins/admin_api/messages.ts";

Deno.test("checkedAcl: back and forth; an action that was not said is DENY", () => {
  const message = create(RaftACLSchema, { name: "x", patterns: ["a*", "B?"], action: ACLAction.ALLOW });
  const acl = checkedAcl(message);
  assert.deepEqual(acl, { name: "x", patterns: ["a*", "B?"], action: "allow" });
  assert.deepEqual(create(RaftACLSchema, aclMessage(acl)), message);
  assert.equal(checkedAcl(create(RaftACLSchema, { name: "x", patterns: ["a"] })).action, "deny");
});

Deno.test("checkAclName: what no ACL can be called", () => {
  checkAclName("x".repeat(63));
  for (const name of ["", "x".repeat(64), "a,b"]) {
    assert.throws(() => checkAclName(name), { reason: "invalid-argument" });
  }
});
