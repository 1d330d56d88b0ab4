/**
 * Server reflection, `grpc.reflection.v1` and its older twin `v1alpha`: tools such as grpcurl ask which services there
 * are and what their messages look like.
 *
 * Answers come from the descriptors of exactly the services that the listener serves, and from the files those import.
 * There are no extensions in them, so questions about extensions are answered with NOT_FOUND or with nothing.
 *
 * @module
 */
import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import type { RpcService, RpcServiceFor } from "../plugin/rpc.ts";
import { ServerReflection as ReflectionV1 } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ReflectionV1Alpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";

/** A question; both versions of the protocol have it in the same form. */
type Question =
  | { case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType" | "listServices"; value: string }
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
  | { case: undefined; value?: undefined };

/** An answer, likewise. */
type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** What can be asked about a set of services. */
export class ReflectionIndex {
  /** Full names, sorted. */
  readonly #services: readonly string[];
  readonly #filesByName = new Map<string, DescFile>();
  readonly #filesBySymbol = new Map<string, DescFile>();

  constructor(services: readonly RpcService[]) {
    this.#services = services.map(({ service }) => service.typeName).sort();
    for (const { service } of services) this.#add(service.file);
  }

  /** Answers one question; what is unknown is an answer too. */
  answer(question: Question): Answer {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services.map((name) => ({ name })) } };
      case "fileByFilename":
        return this.#fileAnswer(this.#filesByName.get(question.value), question.value);
      case "fileContainingSymbol":
        return this.#fileAnswer(this.#filesBySymbol.get(question.value), question.value);
      case "allExtensionNumbersOfType":
        return this.#filesBySymbol.has(question.value)
          ? { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value } }
          : notFound(question.value);
      case "fileContainingExtension":
        return notFound(`extension ${question.value.extensionNumber} of ${question.value.containingType}`);
      case undefined:
        return { case: "errorResponse", value: { errorCode: status.INVALID_ARGUMENT, errorMessage: "Nothing asked" } };
    }
  }

  #add(file: DescFile): void {
    if (this.#filesByName.has(file.proto.name)) return;
    this.#filesByName.set(file.proto.name, file);
    for (const symbol of symbolsOf(file)) this.#filesBySymbol.set(symbol, file);
    for (const imported of file.dependencies) this.#add(imported);
  }

  /** The file and all that it imports, so that one question is enough. */
  #fileAnswer(file: DescFile | undefined, asked: string): Answer {
    if (!file) return notFound(asked);
    const files = new Set<DescFile>([file]);
    // A set's iteration goes on to what is added under way.
    for (const each of files) for (const imported of each.dependencies) files.add(imported);
    const fileDescriptorProto = [...files].map((each) => toBinary(FileDescriptorProtoSchema, each.proto));
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  }
}

/** The reflection of a listener whose services come and go. */
export class Reflection {
  #index = new ReflectionIndex([]);
  /** Both versions of the service. */
  readonly services: readonly RpcService[];

  constructor() {
    this.services = reflectionServices((question) => this.#index.answer(question));
  }

  /** Answers about `services` and itself from now on. */
  describe(services: readonly RpcService[]): void {
    this.#index = new ReflectionIndex([...services, ...this.services]);
  }
}

function reflectionServices(answer: (question: Question) => Answer): readonly RpcService[] {
  const v1: RpcServiceFor<typeof ReflectionV1> = {
    service: ReflectionV1,
    methods: {
      serverReflectionInfo: {
        authorisation: "public",
        async *handle(questions) {
          for await (const originalRequest of questions) {
            const messageResponse = answer(originalRequest.messageRequest);
            yield { validHost: originalRequest.host, originalRequest, messageResponse };
          }
        },
      },
    },
  };
  const v1alpha: RpcServiceFor<typeof ReflectionV1Alpha> = {
    service: ReflectionV1Alpha,
    methods: {
      serverReflectionInfo: {
        authorisation: "public",
        async *handle(questions) {
          for await (const originalRequest of questions) {
            const messageResponse = answer(originalRequest.messageRequest);
            yield { validHost: originalRequest.host, originalRequest, messageResponse };
          }
        },
      },
    },
  };
  return [v1, v1alpha];
}

/** Full names of all that a file declares: services, methods, messages, fields, oneofs, enums and their values. */
function symbolsOf(file: DescFile): string[] {
  const symbols: string[] = [];
  for (const service of file.services) {
    symbols.push(service.typeName, ...service.methods.map((method) => `${service.typeName}.${method.name}`));
  }
  for (const type of nestedTypes(file)) {
    if (type.kind === "message") {
      const members = [...type.fields, ...type.oneofs].map((member) => `${type.typeName}.${member.name}`);
      symbols.push(type.typeName, ...members);
    } else if (type.kind === "enum") {
      // Values live in the scope that the enum lives in (protobuf language guide, "Enumerations").
      const scope = type.typeName.slice(0, type.typeName.length - type.name.length);
      symbols.push(type.typeName, ...type.values.map((value) => scope + value.name));
    }
  }
  return symbols;
}

function notFound(what: string): Answer {
  return { case: "errorResponse", value: { errorCode: status.NOT_FOUND, errorMessage: `Not found: ${what}` } };
}
