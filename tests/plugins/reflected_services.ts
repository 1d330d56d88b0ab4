/**
 * The services that a node's reflection lists.
 *
 * @module
 */
import type { RpcClient } from "../../core/rpc/client.ts";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";

/** Full names, sorted. */
export async function reflectedServices(client: RpcClient): Promise<string[]> {
  async function* requests() {
    yield await Promise.resolve({ messageRequest: { case: "listServices" as const, value: "" } });
  }
  const names: string[] = [];
  for await (const { messageResponse } of client.stream(ServerReflection.method.serverReflectionInfo, requests())) {
    if (messageResponse.case !== "listServicesResponse") continue;
    names.push(...messageResponse.value.service.map(({ name }) => name));
  }
  return names.sort();
}
