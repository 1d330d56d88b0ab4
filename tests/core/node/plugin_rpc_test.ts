import assert from "node:assert/strict";
import { systemClock } from "../../../core/io/clock.ts";
import { HookTimer, PluginMeter } from "../../../core/node/plugin_meter.ts";
import { pluginInterceptor } from "../../../core/node/plugin_rpc.ts";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcCall, RpcInterceptor } from "../../../core/plugin/rpc.ts";
import { streamOf } from "../rpc/echo_service.ts";

/** Whatever a library may throw. */
class OddError extends Error {}

function call(requests: AsyncIterable<Uint8Array>): RpcCall {
  const context: RpcCall["context"] = {
    methodPath: "/a.B/C",
    peer: { address: "192.0.2.1:1", transport: "plaintext", identity: undefined },
    metadata: new Map(),
    deadlineWallMs: Infinity,
    signal: new AbortController().signal,
    sendInitialMetadata() {},
    setTrailer() {},
  };
  return { context, kind: "unary", authorisation: "public", isServed: true, requests };
}

async function strikesOf(interceptor: RpcInterceptor, requests = streamOf<Uint8Array>()): Promise<number> {
  let strikes = 0;
  const attribute = <Result>(run: () => Result): Result => run();
  const timer = new HookTimer(systemClock);
  const meter = new PluginMeter({ timer, attribute, onTrip() {}, onStrike: () => strikes++ });
  const next = () => {
    throw new OddError("the handler's");
  };
  await assert.rejects(Array.fromAsync(pluginInterceptor(interceptor, meter)(call(requests), next)), Error);
  return strikes;
}

Deno.test("pluginInterceptor: a strike for what it throws itself, not for what the caller or the handler does", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new OddError("the caller's");
  }
  assert.equal(
    await strikesOf(() => {
      throw new OddError("its own");
    }),
    1,
  );
  assert.equal(await strikesOf((passed) => passed.requests, broken()), 0);
  assert.equal(await strikesOf((passed, next) => next(passed)), 0);
  assert.equal(
    await strikesOf(() => {
      throw new MeshError("unavailable", "Not now");
    }),
    0,
  );
});
