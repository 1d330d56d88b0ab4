/**
 * gRPC services and interceptors of plugins, with the host around them: calls are measured, and an interceptor that breaks by
 * itself is struck.
 *
 * @module
 */
import { MeshError, type MeshErrorReason } from "../plugin/errors.ts";
import type { RpcInterceptor, RpcMethod, RpcNext, RpcService } from "../plugin/rpc.ts";
import { methodPath } from "../rpc/method_table.ts";
import { textOf } from "./plugin_failure.ts";
import type { PluginMeter } from "./plugin_meter.ts";

const REASONS: ReadonlySet<string> = new Set<MeshErrorReason>([
  "invalid-argument",
  "not-found",
  "already-exists",
  "permission-denied",
  "precondition",
  "not-leader",
  "no-leader",
  "not-joined",
  "not-running",
  "exhausted",
  "timeout",
  "unavailable",
  "unimplemented",
  "internal",
]);

/** Which method of `service` does not state who may call it, a sentence; `undefined` if all do. */
export function statesAuthorisation({ service, methods }: RpcService): string | undefined {
  const unstated = service.methods.find(({ localName }) => {
    const method = methods[localName];
    return method !== undefined && !["public", "member", "local"].includes(method.authorisation);
  });
  return unstated && `"${methodPath(unstated)}" does not state who may call it: public, member or local`;
}

/** The service as it is registered. */
export function pluginService({ service, methods }: RpcService, meter: PluginMeter): RpcService {
  const wrapped = Object.entries(methods).map(([name, method]) => {
    const descriptor = service.method[name];
    return [name, pluginMethod(method, meter, descriptor ? methodPath(descriptor) : name)] as const;
  });
  return { service, methods: Object.fromEntries(wrapped) };
}

function pluginMethod(method: RpcMethod, meter: PluginMeter, hook: string): RpcMethod {
  return {
    authorisation: method.authorisation,
    handle: (request, context) => {
      const input = Symbol.asyncIterator in request ? outside(request, meter) : request;
      const result = ownErrors(() => meter.run(hook, () => method.handle(input, context)));
      if (!(Symbol.asyncIterator in result)) return result.catch((error) => Promise.reject(ownError(error)));
      return streamed(() => meter.pull(hook, () => result));
    },
  };
}

async function* streamed<Item>(open: () => AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* open();
  } catch (error) {
    throw ownError(error);
  }
}

/** The interceptor as it is registered. */
export function pluginInterceptor(interceptor: RpcInterceptor, meter: PluginMeter): RpcInterceptor {
  return async function* (call, next) {
    const beyond = new WeakSet<object>();
    const guarded: RpcNext = (passed) => remembered(() => next(passed), meter, beyond);
    try {
      yield* meter.pull(
        "interceptor",
        () => interceptor({ ...call, requests: remembered(() => call.requests, meter, beyond) }, guarded),
      );
    } catch (error) {
      const own = ownError(error);
      const isForeign = typeof error === "object" && error !== null && beyond.has(error);
      if (!isForeign && !(own instanceof MeshError) && !call.context.signal.aborted) {
        meter.strike("interceptor", `threw: ${textOf(error)}`);
      }
      throw own;
    }
  };
}

/** What the caller sends, and the rest of the way: not the plugin's time, and its errors are not the plugin's. */
async function* remembered(
  open: () => AsyncIterable<Uint8Array>,
  meter: PluginMeter,
  beyond: WeakSet<object>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* outside(open(), meter);
  } catch (error) {
    if (typeof error === "object" && error !== null) beyond.add(error);
    throw error;
  }
}

/** Iterates what is the node's on behalf of the plugin. */
function outside<Item>(items: AsyncIterable<Item>, meter: PluginMeter): AsyncIterable<Item> {
  return {
    [Symbol.asyncIterator]() {
      const inner = items[Symbol.asyncIterator]();
      return {
        next: () => meter.wake("stream", meter.outside(() => inner.next())),
        return: async () => await inner.return?.() ?? { done: true, value: undefined },
      };
    },
  };
}

function ownErrors<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw ownError(error);
  }
}

/** A plugin that was bundled has classes of its own: its MeshError is told by its shape. */
function ownError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MeshError || error.name !== "MeshError") return error;
  const reason = "reason" in error ? error.reason : undefined;
  if (typeof reason !== "string" || !isReason(reason)) return error;
  const hint = "hint" in error && typeof error.hint === "string" ? { hint: error.hint } : {};
  return new MeshError(reason, error.message, { ...hint, cause: error });
}

function isReason(text: string): text is MeshErrorReason {
  return REASONS.has(text);
}
