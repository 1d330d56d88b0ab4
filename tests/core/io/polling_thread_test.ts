import { strict as assert } from "node:assert";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { PollingThread } from "../../../core/io/polling_thread.ts";
import type { EchoCommand } from "./echo_thread.ts";

interface Fixture extends AsyncDisposable {
  readonly thread: PollingThread<EchoCommand, string>;
  readonly heard: string[];
  /** Resolves when `count` messages were heard. */
  hear(count: number): Promise<void>;
}

function start(module = "./echo_thread.ts"): Fixture {
  const libc = Libc.open();
  const heard: string[] = [];
  let listeners: (() => void)[] = [];
  const thread = new PollingThread<EchoCommand, string>(
    libc,
    { url: new URL(module, import.meta.url), name: "echo", start: "hello", heapMib: 64 },
    (message) => {
      heard.push(message);
      for (const listener of listeners) listener();
    },
  );
  const hear = (count: number) =>
    new Promise<void>((resolve) => {
      const check = () => heard.length >= count && resolve();
      listeners.push(check);
      check();
    });
  return {
    thread,
    heard,
    hear,
    async [Symbol.asyncDispose]() {
      listeners = [];
      await thread[Symbol.asyncDispose]();
      libc[Symbol.dispose]();
    },
  };
}

Deno.test("PollingThread: says what it was started with, and answers in order", async () => {
  await using made = start();
  await made.hear(1);
  for (const say of ["a", "b", "c"]) made.thread.post({ say });
  await made.hear(4);
  assert.deepEqual(made.heard, ["hello", "a", "b", "c"]);
});

Deno.test("PollingThread: a thread that has taken its messages can sleep again", async () => {
  await using made = start();
  await made.hear(1);
  made.thread.post("is-woken");
  await made.hear(2);
  assert.equal(made.heard[1], "false");
});

Deno.test("PollingThread: all messages are heard before the end", async () => {
  await using made = start();
  for (let i = 0; i < 100; i++) made.thread.post({ say: String(i) });
  made.thread.post("return");
  assert.equal(await made.thread.join(10_000), undefined);
  assert.equal(made.heard.length, 101);
  made.thread.post({ say: "nobody" });
});

Deno.test("PollingThread: what the thread throws is the reason of its end", async () => {
  await using made = start();
  made.thread.post("throw");
  const failure = await made.thread.ended;
  assert.match(failure?.message ?? "", /^RangeError: as told$/);
  assert.match(failure?.stack ?? "", /echo_thread\.ts/);
});

Deno.test("PollingThread: an exit within the thread ends only the thread", async () => {
  await using made = start();
  made.thread.post("exit");
  assert.equal((await made.thread.ended)?.message, 'Thread "echo" was ended with code 7');
});

Deno.test("PollingThread: a thread that runs out of memory ends alone", async () => {
  await using made = start();
  made.thread.post("eat");
  assert.match((await made.thread.ended)?.message ?? "", /memory/);
});

Deno.test("PollingThread: a thread asleep in poll is ended by force", async () => {
  await using made = start();
  await made.hear(1);
  await made.thread.terminate();
  assert.match((await made.thread.ended)?.message ?? "", /was ended with code 1$/);
});

Deno.test("PollingThread.join: a thread that will not end is ended by force", async () => {
  await using made = start();
  await made.hear(1);
  made.thread.post("spin");
  assert.match((await made.thread.join(20))?.message ?? "", /was ended with code 1$/);
});

Deno.test("PollingThread: a module that is missing is the reason of the end", async () => {
  await using made = start("./no_such_thread.ts");
  assert.ok(await made.thread.ended instanceof Error);
});
