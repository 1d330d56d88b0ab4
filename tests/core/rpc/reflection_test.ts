/**
 * Tests for `core/rpc/reflection.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ServerReflection } from "../../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { RpcClient } from "../../../core/rpc/client.ts";
import { nodeService } from "../../../core/rpc/node_service.ts";
import { ReflectionIndex } from "../../../core/rpc/reflection.ts";
import { EchoPair, echoService, echoWith, streamOf } from "./echo_service.ts";

const node = nodeService({
  nodeIdProblem: () => undefined,
  join: () => Promise.resolve({ response: {} }),
  leave: () => Promise.resolve(),
  status: () => Promise.resolve({}),
});

const SERVED = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

/** Names of the files in an answer, the asked one first; the error code if it is none. */
function filesOf(answer: ReturnType<ReflectionIndex["answer"]>): string[] | number {
  if (answer.case === "errorResponse") return answer.value.errorCode;
  assert(answer.case === "fileDescriptorResponse");
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

const index = new ReflectionIndex([node, echoService]);

const NODE_FILES = [
  "v1/node.proto",
  "google/protobuf/empty.proto",
  "v1/node_messages.proto",
  "google/protobuf/timestamp.proto",
  "v1/mesh_messages.proto",
];

/** Symbol to the file that declares it. */
const SYMBOLS: readonly (readonly [symbol: string, file: string])[] = [
  ["v1.Node", "v1/node.proto"],
  ["v1.Node.Join", "v1/node.proto"],
  ["v1.JoinRequest", "v1/node_messages.proto"],
  ["v1.JoinRequest.as_voter", "v1/node_messages.proto"],
  ["v1.Feature", "v1/mesh_messages.proto"],
  ["v1.MESH_DNS", "v1/mesh_messages.proto"],
  ["google.protobuf.Timestamp", "google/protobuf/timestamp.proto"],
  ["test.Echo.Talk", "test/echo.proto"],
];

for (const [symbol, file] of SYMBOLS) {
  Deno.test(`ReflectionIndex: ${symbol} is in ${file}`, () => {
    const files = filesOf(index.answer({ case: "fileContainingSymbol", value: symbol }));
    assert(typeof files !== "number");
    assert.equal(files[0], file);
  });
}

Deno.test("ReflectionIndex: a file comes with all that it imports, once", () => {
  const files = filesOf(index.answer({ case: "fileByFilename", value: "v1/node.proto" }));
  assert.deepEqual([...files as string[]].sort(), [...NODE_FILES].sort());
});

Deno.test("ReflectionIndex: what is not served is not found", () => {
  for (const value of ["v1.Mesh", "v1.MeshNode.nothing", "Feature.MESH_DNS", "v1", "", "constructor"]) {
    assert.equal(filesOf(index.answer({ case: "fileContainingSymbol", value })), 5);
  }
  for (const value of ["v1/admin.proto", "../deno.json", ""]) {
    assert.equal(filesOf(index.answer({ case: "fileByFilename", value })), 5);
  }
});

Deno.test("ReflectionIndex: there are no extensions", () => {
  const value = { containingType: "v1.Status", extensionNumber: 100 };
  assert.equal(filesOf(index.answer({ case: "fileContainingExtension", value })), 5);
  assert.equal(filesOf(index.answer({ case: "allExtensionNumbersOfType", value: "v1.Nothing" })), 5);
  assert.deepEqual(index.answer({ case: "allExtensionNumbersOfType", value: "v1.Status" }), {
    case: "allExtensionNumbersResponse",
    value: { baseTypeName: "v1.Status" },
  });
});

Deno.test("ReflectionIndex: an empty question is INVALID_ARGUMENT", () => {
  assert.equal(filesOf(index.answer({ case: undefined })), 3);
});

function listServices() {
  return streamOf({ host: "h", messageRequest: { case: "listServices" as const, value: "*" } });
}

const LISTINGS = {
  v1: (client: RpcClient) => client.stream(ServerReflection.method.serverReflectionInfo, listServices()),
  v1alpha: (client: RpcClient) => client.stream(ServerReflectionAlpha.method.serverReflectionInfo, listServices()),
};

for (const [version, list] of Object.entries(LISTINGS)) {
  Deno.test(`grpc.reflection.${version}: lists exactly the services that are registered`, async () => {
    await using pair = await EchoPair.start({ services: [echoService, node] });
    let count = 0;
    for await (const answer of list(pair.client)) {
      count++;
      assert.equal(answer.validHost, "h");
      assert.equal(answer.originalRequest?.messageRequest.case, "listServices");
      assert(answer.messageResponse.case === "listServicesResponse");
      const names = answer.messageResponse.value.service.map(({ name }) => name);
      assert.deepEqual(names, [...SERVED, "test.Echo", "v1.Node"]);
    }
    assert.equal(count, 1);
  });
}

Deno.test("grpc.reflection.v1: what it sends is enough to rebuild the service", async () => {
  await using pair = await EchoPair.start({ services: [node] });
  const question = streamOf({ messageRequest: { case: "fileContainingSymbol" as const, value: "v1.Node" } });
  const [answer] = await Array.fromAsync(pair.client.stream(ServerReflection.method.serverReflectionInfo, question));
  assert(answer?.messageResponse.case === "fileDescriptorResponse");
  const files = answer.messageResponse.value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes)
  );
  const ordered = new Set<FileDescriptorProto>();
  const add = (file: FileDescriptorProto | undefined) => {
    assert(file);
    for (const name of file.dependency) add(files.find((imported) => imported.name === name));
    ordered.add(file);
  };
  add(files[0]);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...ordered] }));
  const join = registry.getService("v1.Node")?.method["join"];
  assert.equal(join?.input.fields.length, 10);
});

Deno.test("grpc.reflection.v1: a service of local use only is not listed on TCP", async () => {
  const method = echoService.methods;
  const local = echoWith({
    one: { ...method.one, authorisation: "local" },
    many: { ...method.many, authorisation: "local" },
    sum: { ...method.sum, authorisation: "local" },
    talk: { ...method.talk, authorisation: "local" },
  });
  await using pair = await EchoPair.start({ services: [local] });
  const [answer] = await Array.fromAsync(LISTINGS.v1(pair.client));
  assert(answer?.messageResponse.case === "listServicesResponse");
  assert.deepEqual(answer.messageResponse.value.service.map(({ name }) => name), SERVED);
});
