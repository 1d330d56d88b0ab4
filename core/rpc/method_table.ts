/**
 * The methods a listener answers, by path, checked before anything listens.
 *
 * @module
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { ConfigError } from "../plugin/errors.ts";
import type { RpcAuthorisation, RpcMethod, RpcService } from "../plugin/rpc.ts";

/** A service that other nodes of the mesh may serve although this one does not. */
export interface UnservedService {
  readonly service: DescService;
  /** Who may have calls of it forwarded. */
  readonly authorisation: Exclude<RpcAuthorisation, "local">;
}

/** A method that a listener knows. */
export interface MethodEntry {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly descriptor: DescMethod;
  readonly authorisation: RpcAuthorisation;
  /** `undefined` if only interceptors can answer it. */
  readonly handler: RpcMethod | undefined;
}

const AUTHORISATIONS: ReadonlySet<string> = new Set<RpcAuthorisation>(["public", "member", "local"]);

/** The path HTTP/2 names the method by. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** True for a service that is of use on the Unix socket alone. */
export function isLocalOnly(service: RpcService): boolean {
  return service.service.methods.every((method) => service.methods[method.localName]?.authorisation === "local");
}

/**
 * Lists the methods of all services.
 *
 * @throws {ConfigError} If a method has no handler or does not state who may call it, or two services have one name.
 */
export function methodTable(
  services: readonly RpcService[],
  unserved: readonly UnservedService[] = [],
): ReadonlyMap<string, MethodEntry> {
  const table = new Map<string, MethodEntry>();
  const names = new Set<string>();
  for (const { service, methods } of services) {
    if (names.has(service.typeName)) throw new ConfigError(`Cannot serve gRPC: "${service.typeName}" is offered twice`);
    names.add(service.typeName);
    for (const descriptor of service.methods) {
      const entry = servedEntry(descriptor, methods[descriptor.localName]);
      table.set(entry.path, entry);
    }
  }
  for (const { service, authorisation } of unserved) {
    if (names.has(service.typeName)) continue;
    for (const descriptor of service.methods) {
      const path = methodPath(descriptor);
      table.set(path, { path, descriptor, authorisation, handler: undefined });
    }
  }
  return table;
}

function servedEntry(descriptor: DescMethod, handler: RpcMethod | undefined): MethodEntry {
  const path = methodPath(descriptor);
  if (handler === undefined) throw new ConfigError(`Cannot serve gRPC: "${path}" has no handler`);
  if (!AUTHORISATIONS.has(handler.authorisation)) {
    throw new ConfigError(
      `Cannot serve gRPC: "${path}" does not state who may call it`,
      `Give its handler an authorisation: ${[...AUTHORISATIONS].join(", ")}.`,
    );
  }
  return { path, descriptor, authorisation: handler.authorisation, handler };
}
