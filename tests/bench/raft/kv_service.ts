/**
 * The service that the Raft benchmark adds to a node: `Put` proposes one upsert, `Get` is a linearizable read.
 *
 * ```proto
 * package bench;
 * service Kv {
 *   rpc Put(PutRequest) returns (PutResponse);
 *   rpc Get(GetRequest) returns (GetResponse);
 * }
 * message PutRequest { string key = 1; string value = 2; }
 * message PutResponse {}
 * message GetRequest { string key = 1; }
 * message GetResponse { string value = 1; int64 version = 2; }
 * ```
 *
 * @module
 */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import {
  fileDesc,
  type GenFile,
  type GenMessage,
  type GenService,
  messageDesc,
  serviceDesc,
} from "@bufbuild/protobuf/codegenv2";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { MeshError } from "../../../core/plugin/errors.ts";
import type { RpcService, RpcServiceFor } from "../../../core/plugin/rpc.ts";
import { encodeEntry, executionEntry, responseError } from "../../../core/state/codec.ts";
import type { Running } from "../../../core/node/running.ts";
import { SELECT_SQL, TABLE_SQL, UPSERT_SQL } from "./kv_paths.ts";

type PutRequest = Message<"bench.PutRequest"> & { key: string; value: string };
type PutResponse = Message<"bench.PutResponse">;
type GetRequest = Message<"bench.GetRequest"> & { key: string };
type GetResponse = Message<"bench.GetResponse"> & { value: string; version: bigint };

const TEXT = FieldDescriptorProto_Type.STRING;
const INTEGER = FieldDescriptorProto_Type.INT64;
const label = FieldDescriptorProto_Label.OPTIONAL;

const file: GenFile = fileDesc(
  toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, {
      name: "bench/kv.proto",
      package: "bench",
      syntax: "proto3",
      messageType: [
        {
          name: "PutRequest",
          field: [{ name: "key", number: 1, type: TEXT, label }, { name: "value", number: 2, type: TEXT, label }],
        },
        { name: "PutResponse" },
        { name: "GetRequest", field: [{ name: "key", number: 1, type: TEXT, label }] },
        {
          name: "GetResponse",
          field: [{ name: "value", number: 1, type: TEXT, label }, {
            name: "version",
            number: 2,
            type: INTEGER,
            label,
          }],
        },
      ],
      service: [{
        name: "Kv",
        method: [
          { name: "Put", inputType: ".bench.PutRequest", outputType: ".bench.PutResponse" },
          { name: "Get", inputType: ".bench.GetRequest", outputType: ".bench.GetResponse" },
        ],
      }],
    }),
  ).toBase64(),
);

const PutRequestSchema: GenMessage<PutRequest> = messageDesc(file, 0);
const PutResponseSchema: GenMessage<PutResponse> = messageDesc(file, 1);
const GetRequestSchema: GenMessage<GetRequest> = messageDesc(file, 2);
const GetResponseSchema: GenMessage<GetResponse> = messageDesc(file, 3);

type KvMethods = {
  put: { methodKind: "unary"; input: typeof PutRequestSchema; output: typeof PutResponseSchema };
  get: { methodKind: "unary"; input: typeof GetRequestSchema; output: typeof GetResponseSchema };
};

const Kv: GenService<KvMethods> = serviceDesc(file, 0);

/** The service, over whatever node is running by then. */
export function kvService(running: () => Running): RpcService {
  const service: RpcServiceFor<typeof Kv> = {
    service: Kv,
    methods: {
      put: {
        authorisation: "public",
        handle: async ({ key, value }) => {
          const entry = encodeEntry(executionEntry(UPSERT_SQL, { key, value }));
          const problem = responseError(await running().parts.raft.propose(entry));
          if (problem !== undefined) throw new MeshError("internal", problem);
          return {};
        },
      },
      get: {
        authorisation: "public",
        handle: async ({ key }) => {
          const { machine, raft } = running().parts;
          await raft.linearizable();
          const [value, version] = machine.rows(SELECT_SQL, { key }).rows[0] ?? [];
          if (typeof value !== "string" || typeof version !== "number") throw new MeshError("not-found", "No such key");
          return { value, version: BigInt(version) };
        },
      },
    },
  };
  return service;
}

/** The log entry that makes the table. */
export function tableEntry(): Uint8Array {
  return encodeEntry(executionEntry(TABLE_SQL, {}));
}
