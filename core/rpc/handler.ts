/**
 * From bytes to a handler and back: the only place of the server that decodes messages.
 *
 * @module
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { MeshError } from "../plugin/errors.ts";
import type { RpcCall, RpcContext, RpcMethod, RpcNext } from "../plugin/rpc.ts";
import { methodPath } from "./method_table.ts";

/**
 * The end of the interceptor chain: decodes, calls the handler, encodes.
 *
 * The chain throws `invalid-argument` for bytes that are no message of the method's type and `unimplemented` for a caller
 * that sends another number of requests than the method takes (gRPC's status code for that).
 */
export function handlerChainEnd(descriptor: DescMethod, handler: RpcMethod): RpcNext {
  const { methodKind } = descriptor;
  const takesMany = methodKind === "client_streaming" || methodKind === "bidi_streaming";
  return async function* (call: RpcCall): AsyncGenerator<Uint8Array> {
    const requests = decoded(descriptor.input, call.requests);
    const request = takesMany ? requests : await onlyOne(requests, methodPath(descriptor));
    const result = handler.handle(request, call.context);
    if (Symbol.asyncIterator in result) {
      for await (const response of result) yield toBinary(descriptor.output, create(descriptor.output, response));
    } else {
      yield toBinary(descriptor.output, create(descriptor.output, await result));
    }
  };
}

/**
 * Calls a method with one request and one response that nobody stands in front of: no iteration, and no promise but the
 * handler's.
 *
 * @throws {MeshError} `invalid-argument` for bytes that are no message of the method's type.
 */
export function callUnary(
  descriptor: DescMethod,
  handler: RpcMethod,
  request: Uint8Array,
  context: RpcContext,
): Promise<MessageInitShape<DescMessage>> {
  const result = handler.handle(decode(descriptor.input, request), context);
  if (Symbol.asyncIterator in result) throw new MeshError("internal", `${methodPath(descriptor)} answers only once`);
  return result;
}

/** The bytes of a response. */
export function encodeResponse(descriptor: DescMethod, response: MessageInitShape<DescMessage>): Uint8Array {
  return toBinary(descriptor.output, create(descriptor.output, response));
}

/** What a caller is told that sends another number of requests than one. */
export function notOne(path: string, hasMore: boolean): MeshError {
  return new MeshError("unimplemented", `${path} takes one request, got ${hasMore ? "more" : "none"}`);
}

async function* decoded(schema: DescMessage, messages: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  for await (const bytes of messages) yield decode(schema, bytes);
}

function decode(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new MeshError("invalid-argument", `Cannot decode the request: not a ${schema.typeName}`, { cause });
  }
}

async function onlyOne(requests: AsyncIterable<Message>, path: string): Promise<Message> {
  let only: Message | undefined;
  for await (const request of requests) {
    if (only !== undefined) throw notOne(path, true);
    only = request;
  }
  if (only === undefined) throw notOne(path, false);
  return only;
}
