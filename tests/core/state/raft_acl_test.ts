import { strict as assert } from "node:assert";
import fc from "fast-check";
import {
  NODE_ID_CHARACTERS_MAX,
  RAFT_ACL_CHARACTERS_MAX,
  RAFT_ACL_PATTERN_COUNT_MAX,
} from "../../../core/state/limits.ts";
import {
  globMatches,
  type RaftAcl,
  validateRaftAcl,
  validateRaftAclName,
  voteVerdict,
} from "../../../core/state/raft_acl.ts";

function allow(name: string, ...patterns: string[]): RaftAcl {
  return { name, patterns, action: "allow" };
}

function deny(name: string, ...patterns: string[]): RaftAcl {
  return { name, patterns, action: "deny" };
}

Deno.test("globMatches: the whole id, without regard to case", () => {
  assert(globMatches("node-1", "node-1"));
  assert(globMatches("NODE-1", "node-1"));
  assert(!globMatches("node-1", "node-10"));
  assert(!globMatches("node-1", "my-node-1"));
  assert(!globMatches("node.1", "node-1"));
  assert(!globMatches("", "a"));
});

Deno.test("globMatches: * is any run, ? is one character", () => {
  for (const pattern of ["*", "node-*", "*-1", "n*1", "*node*", "node-?", "??????", "n**1", "node-1*"]) {
    assert(globMatches(pattern, "node-1"), pattern);
  }
  for (const pattern of ["node-1?", "?????", "*2", "x*", "n*2*1"]) assert(!globMatches(pattern, "node-1"), pattern);
  assert(globMatches("*.eu.*", "a.eu.b.eu.c"));
});

Deno.test("globMatches: agrees with a regular expression", () => {
  const character = fc.constantFrom("a", "b", ".", "-");
  const pattern = fc.array(fc.oneof(character, fc.constantFrom("*", "?")), { maxLength: 8 });
  fc.assert(fc.property(pattern, fc.array(character, { maxLength: 8 }), (pattern, id) => {
    const source = pattern.map((part) => part === "*" ? ".*" : part === "?" ? "." : `\\${part}`).join("")
      .replaceAll(/\\([ab])/g, "$1");
    assert.equal(globMatches(pattern.join(""), id.join("")), new RegExp(`^${source}$`).test(id.join("")));
  }));
});

Deno.test("globMatches: the worst pattern stays cheap", () => {
  assert(!globMatches("*a".repeat(31), "a".repeat(30) + "b".repeat(33)));
});

Deno.test("voteVerdict: without ACLs every node may vote", () => {
  assert.deepEqual(voteVerdict([], "a"), { allowed: true, acl: undefined });
});

Deno.test("voteVerdict: with ACLs, what nothing matches may not", () => {
  assert.deepEqual(voteVerdict([allow("x", "b*")], "a"), { allowed: false, acl: undefined });
  assert.deepEqual(voteVerdict([deny("x", "b*")], "a"), { allowed: false, acl: undefined });
  assert.deepEqual(voteVerdict([allow("x", "b*", "a")], "a"), { allowed: true, acl: "x" });
});

Deno.test("voteVerdict: deny wins in any order of names", () => {
  assert.deepEqual(voteVerdict([allow("a", "*"), deny("b", "x-*")], "x-1"), { allowed: false, acl: "b" });
  assert.deepEqual(voteVerdict([deny("a", "x-*"), allow("b", "*")], "x-1"), { allowed: false, acl: "a" });
  assert.deepEqual(voteVerdict([deny("a", "x-*"), allow("b", "*")], "y-1"), { allowed: true, acl: "b" });
});

Deno.test("voteVerdict: the first by name is reported, in whatever order they come", () => {
  assert.equal(voteVerdict([allow("c", "*"), allow("a", "*"), allow("b", "*")], "x").acl, "a");
  assert.equal(voteVerdict([deny("c", "*"), deny("b", "*"), allow("a", "*")], "x").acl, "b");
});

Deno.test("validateRaftAcl: names, patterns, and their limits", () => {
  assert.equal(validateRaftAcl(allow("bootstrap-servers", "*", "node-?", "a.b_c-*")), undefined);
  assert.equal(validateRaftAcl(allow("a", ...Array(RAFT_ACL_PATTERN_COUNT_MAX).fill("x"))), undefined);
  assert.equal(validateRaftAcl(allow("a", "x".repeat(NODE_ID_CHARACTERS_MAX))), undefined);
  for (
    const acl of [
      allow("", "x"),
      allow("a,b", "x"),
      allow("a"),
      allow("a", ""),
      allow("a", "x,y"),
      allow("a", "x y"),
      allow("a", "[x]"),
      allow("a", "x".repeat(NODE_ID_CHARACTERS_MAX + 1)),
      allow("a", ...Array(RAFT_ACL_PATTERN_COUNT_MAX + 1).fill("x")),
    ]
  ) assert.equal(typeof validateRaftAcl(acl), "string", JSON.stringify(acl));
});

Deno.test("validateRaftAclName: the longest, and one more", () => {
  assert.equal(validateRaftAclName("x".repeat(RAFT_ACL_CHARACTERS_MAX)), undefined);
  assert.equal(typeof validateRaftAclName("x".repeat(RAFT_ACL_CHARACTERS_MAX + 1)), "string");
});
