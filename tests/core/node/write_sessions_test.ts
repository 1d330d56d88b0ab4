import assert from "node:assert/strict";
import { systemRandom } from "../../../core/io/random.ts";
import { WRITE_SESSION_KEY } from "../../../core/node/join_metadata.ts";
import { requestedSession, WriteSessions } from "../../../core/node/write_sessions.ts";
import { validateWriteSession } from "../../../core/state/write_session.ts";

Deno.test("WriteSessions: one client that counts, another one in every process", () => {
  const sessions = new WriteSessions(systemRandom);
  const [first, second] = [sessions.next(), sessions.next()];
  assert.equal(validateWriteSession(first), undefined);
  assert.deepEqual(second, { clientId: first.clientId, sequence: first.sequence + 1 });
  assert.notEqual(new WriteSessions(systemRandom).next().clientId, first.clientId);
});

Deno.test("requestedSession: what the caller said, nothing, or a refusal", () => {
  assert.equal(requestedSession(new Map()), undefined);
  assert.deepEqual(requestedSession(new Map([[WRITE_SESSION_KEY, "abc:2"]])), { clientId: "abc", sequence: 2 });
  assert.throws(() => requestedSession(new Map([[WRITE_SESSION_KEY, "abc"]])), { reason: "invalid-argument" });
});
