import { strict as assert } from "node:assert";
import fc from "fast-check";
import { SESSION_CLIENT_CHARACTERS_MAX } from "../../../core/state/limits.ts";
import {
  formatWriteSession,
  parseWriteSession,
  sessionFor,
  validateWriteSession,
} from "../../../core/state/write_session.ts";

Deno.test("parseWriteSession: reads what formatWriteSession wrote", () => {
  for (const session of [{ clientId: "a", sequence: 1 }, { clientId: "A-9_.z", sequence: 2 ** 53 - 1 }]) {
    assert.deepEqual(parseWriteSession(formatWriteSession(session)), session);
  }
});

Deno.test("parseWriteSession: anything else is none, and never throws", () => {
  for (
    const text of ["", ":", "a", "a:", ":1", "a:0", "a:-1", "a:01", "a:1.5", "a:9007199254740992", "a b:1", "a:1:2"]
  ) {
    assert.equal(parseWriteSession(text), undefined, text);
  }
  fc.assert(fc.property(fc.string(), (text) => {
    parseWriteSession(text);
  }));
});

Deno.test("validateWriteSession: a client id of the greatest length, and one more", () => {
  assert.equal(validateWriteSession({ clientId: "a".repeat(SESSION_CLIENT_CHARACTERS_MAX), sequence: 1 }), undefined);
  const clientId = "a".repeat(SESSION_CLIENT_CHARACTERS_MAX + 1);
  assert.notEqual(validateWriteSession({ clientId, sequence: 1 }), undefined);
});

Deno.test("sessionFor: operations of one client do not meet", () => {
  const session = { clientId: "a", sequence: 7 };
  assert.deepEqual(sessionFor("join", session), { clientId: "join.a", sequence: 7 });
  assert.equal(sessionFor("join", undefined), undefined);
});
