/**
 * The `v1.Node` service, which every node serves: what is checked of a request before the node sees it.
 *
 * Join and Leave need the leader; the backend says so with a `not-leader` error, unless an interceptor has forwarded the
 * call. Setting up WebRTC data channels is left out.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { IpAddress } from "../ip/address.ts";
import { PublicKey } from "../keys/public_key.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcContext, RpcServiceFor } from "../plugin/rpc.ts";
import type { JoinRequest, JoinResponseSchema, StatusSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import { Node } from "../../proto/gen/v1/node_pb.ts";
import { JOIN_ENDPOINTS_MAX } from "./limits.ts";

/** What the backend answers to a Join. */
export interface JoinAnswer {
  readonly response: MessageInitShape<typeof JoinResponseSchema>;
  /** Sent as trailing metadata. */
  readonly trailers?: Readonly<Record<string, string>>;
}

/** The node behind the service. Everything rejects with a {@linkcode MeshError} if it cannot be done. */
export interface NodeBackend {
  /** Why `id` cannot be a node id, a phrase such as `longer than 63 characters`; `undefined` if it can. */
  nodeIdProblem(id: string): string | undefined;
  /** `request` has been checked as far as it can be without knowing the mesh. */
  join(request: JoinRequest, context: RpcContext): Promise<JoinAnswer>;
  /** Removes the node; content if there is none of that id. */
  leave(id: string, context: RpcContext): Promise<void>;
  /** The status of this node for an empty `id`. */
  status(id: string, context: RpcContext): Promise<MessageInitShape<typeof StatusSchema>>;
}

/** The service over `backend`. */
export function nodeService(backend: NodeBackend): RpcServiceFor<typeof Node> {
  return {
    service: Node,
    methods: {
      join: {
        authorisation: "public",
        async handle(request, context) {
          checkJoin(request, backend);
          const { response, trailers = {} } = await backend.join(request, context);
          for (const [name, value] of Object.entries(trailers)) context.setTrailer(name, value);
          return response;
        },
      },
      leave: {
        authorisation: "member",
        async handle({ id }, context) {
          if (id === "") throw invalid("Cannot leave: the node id is empty");
          await backend.leave(id, context);
          return {};
        },
      },
      getStatus: {
        authorisation: "public",
        handle: ({ id }, context) => backend.status(id, context),
      },
      negotiateDataChannel: {
        authorisation: "member",
        handle() {
          throw new MeshError("unimplemented", "This node does not offer WebRTC data channels");
        },
      },
    },
  };
}

/** Webmesh checks the id, the key and the endpoints, in this order; ports of 0 mean that there is no such service. */
function checkJoin(request: JoinRequest, backend: NodeBackend): void {
  const { id, publicKey, primaryEndpoint, endpoints } = request;
  if (id === "") throw invalid("Cannot join: the node id is empty");
  const problem = backend.nodeIdProblem(id);
  if (problem !== undefined) throw invalid(`Cannot join: node id ${quoted(id)}: ${problem}`);
  if (!PublicKey.fromBase64(publicKey)) {
    throw invalid("Cannot join: the public key is not a WireGuard key, 32 bytes in base64");
  }
  for (const name of ["raftPort", "grpcPort", "wireguardPort"] as const) {
    const port = request[name];
    if (port < 0 || port > 0xffff) throw invalid(`Cannot join: ${PORT_NAMES[name]} ${port} is not in 0..65535`);
  }
  if (primaryEndpoint !== "") checkEndpoint(primaryEndpoint);
  if (endpoints.length > JOIN_ENDPOINTS_MAX) {
    throw invalid(`Cannot join: ${endpoints.length} endpoints, at most ${JOIN_ENDPOINTS_MAX} are taken`);
  }
  endpoints.forEach(checkEndpoint);
}

const PORT_NAMES = { raftPort: "raft_port", grpcPort: "grpc_port", wireguardPort: "wireguard_port" } as const;

function checkEndpoint(endpoint: string): void {
  if (!IpAddress.parse(endpoint)) {
    throw invalid(`Cannot join: endpoint ${quoted(endpoint)} is not an IP address without port`);
  }
}

function invalid(message: string): MeshError {
  return new MeshError("invalid-argument", message);
}

/** A caller's text inside a message: visible, and not the whole of it if it is long. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
