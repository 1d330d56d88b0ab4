/**
 * A service with one method of each kind, over messages of the v1 API, and a server and client around it.
 *
 * @module
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { fileDesc, type GenService, serviceDesc } from "@bufbuild/protobuf/codegenv2";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { connect, type RpcClient } from "../../../core/rpc/client.ts";
import { RpcServer, type RpcServerOptions } from "../../../core/rpc/server.ts";
import type { RpcServiceFor } from "../../../core/plugin/rpc.ts";
import type { Log, LogFields } from "../../../core/seams/log.ts";
import { file_v1_mesh_messages, type GetNodeRequestSchema } from "../../../proto/gen/v1/mesh_messages_pb.ts";

type Text = typeof GetNodeRequestSchema;

/** What a method of each kind looks like to the type checker. */
type EchoMethods = {
  one: { methodKind: "unary"; input: Text; output: Text };
  many: { methodKind: "server_streaming"; input: Text; output: Text };
  sum: { methodKind: "client_streaming"; input: Text; output: Text };
  talk: { methodKind: "bidi_streaming"; input: Text; output: Text };
};

const TEXT = ".v1.GetNodeRequest";

const echoFile = fileDesc(
  toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, {
      name: "test/echo.proto",
      package: "test",
      syntax: "proto3",
      dependency: ["v1/mesh_messages.proto"],
      service: [{
        name: "Echo",
        method: [
          { name: "One", inputType: TEXT, outputType: TEXT },
          { name: "Many", inputType: TEXT, outputType: TEXT, serverStreaming: true },
          { name: "Sum", inputType: TEXT, outputType: TEXT, clientStreaming: true },
          { name: "Talk", inputType: TEXT, outputType: TEXT, clientStreaming: true, serverStreaming: true },
        ],
      }],
    }),
  ).toBase64(),
  [file_v1_mesh_messages],
);

/** The descriptor of `test.Echo`. */
export const Echo: GenService<EchoMethods> = serviceDesc(echoFile, 0);

/** `One` returns its text, `Many` each character, `Sum` all texts joined by `+`, `Talk` each text as it comes. */
export const echoService: RpcServiceFor<typeof Echo> = {
  service: Echo,
  methods: {
    one: { authorisation: "public", handle: ({ id }) => Promise.resolve({ id }) },
    many: {
      authorisation: "public",
      async *handle({ id }) {
        for (const character of id) yield { id: character };
      },
    },
    sum: {
      authorisation: "public",
      handle: async (requests) => ({ id: (await Array.fromAsync(requests, ({ id }) => id)).join("+") }),
    },
    talk: {
      authorisation: "public",
      async *handle(requests) {
        for await (const { id } of requests) yield { id };
      },
    },
  },
};

/** The same service with some methods replaced. */
export function echoWith(methods: Partial<RpcServiceFor<typeof Echo>["methods"]>): RpcServiceFor<typeof Echo> {
  return { service: Echo, methods: { ...echoService.methods, ...methods } };
}

/** A log that keeps what it is told. */
export class KeptLog implements Log {
  /** `level message`, with the fields. */
  readonly lines: { readonly text: string; readonly fields: LogFields }[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ text: `debug ${message}`, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ text: `info ${message}`, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ text: `warn ${message}`, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ text: `error ${message}`, fields });
  }

  child(): Log {
    return this;
  }
}

/** A plaintext server on a free port of 127.0.0.1, and a client of it; disposing it closes both. */
export class EchoPair implements AsyncDisposable {
  readonly server: RpcServer;
  readonly client: RpcClient;
  readonly log: KeptLog;

  private constructor(server: RpcServer, client: RpcClient, log: KeptLog) {
    this.server = server;
    this.client = client;
    this.log = log;
  }

  /** Starts it with {@linkcode echoService} unless told otherwise. */
  static async start(options: Partial<RpcServerOptions> = {}): Promise<EchoPair> {
    const log = new KeptLog();
    const server = await RpcServer.start({
      tcp: { host: "127.0.0.1", port: 0, credentials: { kind: "insecure" } },
      unix: undefined,
      services: [echoService],
      log,
      ...options,
    });
    return new EchoPair(server, connect({ address: `127.0.0.1:${server.port}` }, { kind: "insecure" }), log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server.stop(0);
  }
}

/** Items as a stream. */
export async function* streamOf<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}

/** Resolves when `signal` is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
