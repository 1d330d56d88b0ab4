/**
 * gRPC services as a plugin offers them and as interceptors see them: types only. `core/rpc/` serves them.
 *
 * A service is a descriptor generated from its `.proto` file and one handler per method. Interceptors stand in front of
 * the handlers and see messages as undecoded bytes, so that one of them can forward calls it knows nothing about.
 * Compression and credentials per call are left out.
 *
 * @module
 */
import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

/**
 * Who may call a method. `public`: whoever reaches a listener. `member`: nodes and operators of the mesh, as the node's
 * membership check says. `local`: only through the Unix socket, which belongs to the user that runs the node.
 */
export type RpcAuthorisation = "public" | "member" | "local";

/**
 * Metadata of one direction: lower-case names, text values; values of a repeated name are joined by a comma. The values of
 * names that end in `-bin` are bytes in base64, with or without padding.
 */
export type RpcMetadata = ReadonlyMap<string, string>;

/** The other end of a call. */
export interface RpcPeer {
  /** `ip:port`, or `unix` for the Unix socket. For people and logs. */
  readonly address: string;
  readonly transport: "unix" | "plaintext" | "tls";
  /** Subject common name of the client certificate, if one was shown and verified. */
  readonly identity: string | undefined;
}

/** One call as its handler and the interceptors see it. */
export interface RpcContext {
  /** `/package.Service/Method`. */
  readonly methodPath: string;
  readonly peer: RpcPeer;
  /** What the caller sent along. */
  readonly metadata: RpcMetadata;
  /** When the caller stops waiting, wall clock milliseconds; `Infinity` if it did not say. */
  readonly deadlineWallMs: number;
  /** Aborted when nobody waits for the answer any more: cancelled, too late, connection lost, node stopping. */
  readonly signal: AbortSignal;
  /** Sends metadata ahead of the first response message. At most once, and before any message. */
  sendInitialMetadata(entries: Readonly<Record<string, string>>): void;
  /**
   * Metadata that follows the last message, also when the call fails. Printable ASCII; other characters become `?`. Bytes go
   * as base64 under a name that ends in `-bin`.
   */
  setTrailer(name: string, value: string): void;
}

/** A handler of a method with one request and one response. */
export interface UnaryMethod<I extends DescMessage, O extends DescMessage> {
  readonly authorisation: RpcAuthorisation;
  /** @throws {MeshError} What the caller is told; any other error becomes INTERNAL without its text. */
  handle(request: MessageShape<I>, context: RpcContext): Promise<MessageInitShape<O>>;
}

/** A handler of a method with one request and many responses. */
export interface ServerStreamingMethod<I extends DescMessage, O extends DescMessage> {
  readonly authorisation: RpcAuthorisation;
  /** See {@linkcode UnaryMethod.handle}. The call ends with the iteration. */
  handle(request: MessageShape<I>, context: RpcContext): AsyncIterable<MessageInitShape<O>>;
}

/** A handler of a method with many requests and one response. */
export interface ClientStreamingMethod<I extends DescMessage, O extends DescMessage> {
  readonly authorisation: RpcAuthorisation;
  /** See {@linkcode UnaryMethod.handle}. */
  handle(requests: AsyncIterable<MessageShape<I>>, context: RpcContext): Promise<MessageInitShape<O>>;
}

/** A handler of a method with many requests and many responses. */
export interface BiDiStreamingMethod<I extends DescMessage, O extends DescMessage> {
  readonly authorisation: RpcAuthorisation;
  /** See {@linkcode UnaryMethod.handle}. The call ends with the iteration. */
  handle(requests: AsyncIterable<MessageShape<I>>, context: RpcContext): AsyncIterable<MessageInitShape<O>>;
}

/** The handler that fits a method's descriptor. */
export type RpcMethodFor<M> = M extends DescMethodUnary<infer I, infer O> ? UnaryMethod<I, O>
  : M extends DescMethodServerStreaming<infer I, infer O> ? ServerStreamingMethod<I, O>
  : M extends DescMethodClientStreaming<infer I, infer O> ? ClientStreamingMethod<I, O>
  : M extends DescMethodBiDiStreaming<infer I, infer O> ? BiDiStreamingMethod<I, O>
  : never;

/** A service with typed handlers, as one writes it: `const service: RpcServiceFor<typeof Mesh> = { … }`. */
export interface RpcServiceFor<S extends DescService> {
  readonly service: S;
  /** One handler per method, by its name in TypeScript (`getNode`). */
  readonly methods: { readonly [K in keyof S["method"]]: RpcMethodFor<S["method"][K]> };
}

/** Any handler; which of the four kinds it is stands in the method's descriptor. */
export interface RpcMethod {
  readonly authorisation: RpcAuthorisation;
  handle(
    request: Message | AsyncIterable<Message>,
    context: RpcContext,
  ): Promise<MessageInitShape<DescMessage>> | AsyncIterable<MessageInitShape<DescMessage>>;
}

/** Any service; every {@linkcode RpcServiceFor} is one. */
export interface RpcService {
  readonly service: DescService;
  readonly methods: Readonly<Record<string, RpcMethod>>;
}

/** A call on its way to the handler, requests still undecoded. */
export interface RpcCall {
  readonly context: RpcContext;
  readonly kind: DescMethod["methodKind"];
  readonly authorisation: RpcAuthorisation;
  /** False for a method that this node knows and does not serve; `next` answers it with UNIMPLEMENTED. */
  readonly isServed: boolean;
  /** Serialised request messages; a single one unless the caller streams. Can be iterated once. */
  readonly requests: AsyncIterable<Uint8Array>;
}

/** The rest of the way. Yields serialised response messages; throws how the call ends if not well. */
export type RpcNext = (call: RpcCall) => AsyncIterable<Uint8Array>;

/** Stands between the listener, which has checked the method's authorisation, and the handler. */
export type RpcInterceptor = (call: RpcCall, next: RpcNext) => AsyncIterable<Uint8Array>;

/** Registers services. What is registered shows in reflection and health for as long as it is served. */
export interface RpcServices {
  /**
   * Serves `service` until the plugin stops, or what is returned is disposed.
   *
   * @throws {ConfigError} If a method has no handler or does not state who may call it, or the name is taken. A service
   * without authorisation ends the start of the whole node.
   */
  serve(service: RpcService): Disposable;
}

/**
 * Puts an interceptor in front of all handlers, until the plugin stops or what is returned is disposed. Plugins that start
 * earlier stand farther out. It also sees calls of methods that this node knows and does not serve
 * ({@linkcode RpcCall.isServed}).
 */
export type Intercept = (interceptor: RpcInterceptor) => Disposable;
