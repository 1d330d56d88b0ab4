/**
 * Who is told about every call of the server, for counting. Told synchronously, in the path of the call.
 *
 * @module
 */
import type { DescMethod } from "@bufbuild/protobuf";

/** See the module. */
export interface CallObserver {
  started(method: DescMethod): void;
  /** A request message has come. */
  received(method: DescMethod): void;
  /** A response message is on its way. */
  sent(method: DescMethod): void;
  /** The call is over. @param code The gRPC status code, 0 if it went well. */
  handled(method: DescMethod, code: number, durationMs: number): void;
}
