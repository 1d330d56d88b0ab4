/**
 * The plugin that the Raft benchmark adds to a node: a service whose `Put` proposes one upsert, and whose `Get` is a
 * linearizable read, of a table of the plugin's own.
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
import type { RpcServiceFor } from "../../../core/plugin/rpc.ts";
import type { Host } from "../../../core/plugin/host.ts";
import type { Plugin } from "../../../core/plugin/plugin.ts";
import type { ReadLevel } from "../../../core/plugin/read_level.ts";
import type { Command } from "../../../core/plugin/state.ts";
import { executionEntry, responseError } from "../../../core/state/codec.ts";
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

type Needs = Pick<Host, "propose" | "read" | "rpc" | "tables">;

const LINEARIZABLE: ReadLevel = { kind: "linearizable" };

const upsert: Command<{ readonly key: string; readonly value: string }, void> = {
  entry: ({ key, value }) => executionEntry(UPSERT_SQL, { key, value }),
  result(response) {
    const problem = responseError(response);
    if (problem !== undefined) throw new MeshError("internal", problem);
  },
};

/** See the module. */
export const kvPlugin: Plugin<Needs> = {
  name: "bench",
  summary: "keys and values, for a benchmark",
  needs: ["propose", "read", "rpc", "tables"],
  configure: () => (needs) => {
    needs.rpc.serve(kvService(needs));
    return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
  },
};

function kvService({ propose, read, tables }: Needs): RpcServiceFor<typeof Kv> {
  const table = tables.open({ migrations: [TABLE_SQL] });
  // The first write makes it; who comes meanwhile waits.
  let made: Promise<void> | undefined;
  let isMade = false;
  const make = async () => {
    try {
      await table.migrate();
      isMade = true;
    } finally {
      made = undefined;
    }
  };
  return {
    service: Kv,
    methods: {
      put: {
        authorisation: "public",
        handle: async ({ key, value }) => {
          if (!isMade) await (made ??= make());
          await propose(upsert, { key, value });
          return {};
        },
      },
      get: {
        authorisation: "public",
        handle: async ({ key }) => {
          const { rows } = await read((reader) => reader.rows(SELECT_SQL, { key }), LINEARIZABLE);
          const [value, version] = rows[0] ?? [];
          if (typeof value !== "string" || typeof version !== "number") throw new MeshError("not-found", "No such key");
          return { value, version: BigInt(version) };
        },
      },
    },
  };
}
