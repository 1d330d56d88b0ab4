import { strict as assert } from "node:assert";
import fc from "fast-check";
import { refusal, type UapiRefusal } from "../../../core/dataplane/uapi_refusal.ts";
import { serveUapi, type UapiHandler } from "../../../core/dataplane/uapi_session.ts";
import type { UnixConnection } from "../../../core/io/unix_listener.ts";
import { MemoryLog } from "../../twins/memory_log.ts";

const GET_ANSWER = "listen_port=7\nerrno=0\n\n";

/** A handler that remembers the sets it was given. */
class FakeHandler implements UapiHandler {
  readonly sets: (readonly string[])[] = [];
  result: UapiRefusal | "done" = "done";

  get(): Promise<string | UapiRefusal> {
    return Promise.resolve(GET_ANSWER);
  }

  set(lines: readonly string[]): Promise<UapiRefusal | "done"> {
    this.sets.push(lines);
    return Promise.resolve(this.result);
  }
}

/** The other side: sends `text` in pieces of `pieceBytes`, and takes no more than so many bytes of an answer at once. */
function connectionOf(text: string, pieceBytes = 5): UnixConnection & { readonly heard: () => string } {
  const bytes = new TextEncoder().encode(text);
  let offset = 0;
  let heard = "";
  return {
    read(into) {
      const piece = bytes.subarray(offset, offset + Math.min(pieceBytes, into.length));
      into.set(piece);
      offset += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
    write(answer) {
      const taken = answer.subarray(0, pieceBytes);
      heard += new TextDecoder().decode(taken);
      return Promise.resolve(taken.length);
    },
    heard: () => heard,
    [Symbol.dispose]() {},
  };
}

async function talk(
  text: string,
  handler: UapiHandler = new FakeHandler(),
): Promise<{ heard: string; log: MemoryLog }> {
  const connection = connectionOf(text);
  const log = new MemoryLog();
  await serveUapi(connection, handler, log);
  return { heard: connection.heard(), log };
}

Deno.test("serveUapi: answers every request of a connection, in order", async () => {
  const handler = new FakeHandler();
  const { heard } = await talk("get=1\n\nset=1\na=b\n\nset=1\n\nget=1\n\n", handler);
  assert.equal(heard, `${GET_ANSWER}errno=0\n\nerrno=0\n\n${GET_ANSWER}`);
  assert.deepEqual(handler.sets, [["a=b"], []]);
});

Deno.test("serveUapi: refusals are answered with the sign of their operation, logged, and not the end", async () => {
  const handler = new FakeHandler();
  handler.result = refusal("EPERM", "not here");
  const { heard, log } = await talk("set=1\n\nget=1\nx\n\nget=1\n\n", handler);
  assert.equal(heard, `errno=-1\n\nerrno=22\n\n${GET_ANSWER}`);
  assert.deepEqual(log.lines.map(({ level, message, fields }) => [level, message, fields.why]), [
    ["warn", "set refused", "not here"],
    ["warn", "get refused", "line 2: a get has no lines of its own"],
  ]);
});

Deno.test("serveUapi: a request that is cut off is refused, and nonsense ends the connection without an answer", async () => {
  const handler = new FakeHandler();
  assert.equal((await talk("set=1\na=b\n", handler)).heard, "errno=-71\n\n");
  const { heard, log } = await talk("get=1\n\nGET / HTTP/1.1\n\nset=1\n\n", handler);
  assert.equal(heard, GET_ANSWER);
  assert.equal(log.lines[0]?.level, "warn");
  assert.deepEqual(handler.sets, []);
});

Deno.test("serveUapi: what nobody expected is answered as such", async () => {
  const broken: UapiHandler = {
    get: () => Promise.reject(new TypeError("broken")),
    set: () => Promise.reject("broken, too"),
  };
  const { heard, log } = await talk("get=1\n\nset=1\n\n", broken);
  assert.equal(heard, "errno=5\n\nerrno=-5\n\n");
  assert.equal(log.count("configuration failed"), 2);
});

Deno.test("serveUapi: the other side may go away at any time", async () => {
  const log = new MemoryLog();
  const connection: UnixConnection = {
    read: (into) => {
      into.set(new TextEncoder().encode("get=1\n\n"));
      return Promise.resolve(7);
    },
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
    [Symbol.dispose]() {},
  };
  await serveUapi(connection, new FakeHandler(), log);
  assert.deepEqual(log.lines.map(({ level }) => level), ["debug"]);
});

Deno.test("serveUapi: garbage gets answers of the protocol or none", async () => {
  const piece = fc.oneof(fc.constantFrom("set=1\n", "get=1\n", "\n"), fc.string({ unit: "binary" }));
  await fc.assert(fc.asyncProperty(fc.array(piece), async (pieces) => {
    const { heard } = await talk(pieces.join(""));
    assert.match(heard, /^(listen_port=7\nerrno=0\n\n|errno=-?\d+\n\n)*$/);
  }));
});
