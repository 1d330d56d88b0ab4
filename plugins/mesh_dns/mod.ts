/**
 * mesh_dns: names of the mesh, over UDP and TCP.
 *
 * @module
 */
import type { Plugin } from "../../core/mod.ts";
import { Feature } from "../../proto/gen/v1/mesh_messages_pb.ts";
import { MESH_DNS_OPTIONS, meshDnsConfig } from "./config.ts";
import { type MeshDnsNeeds, startMeshDns } from "./service.ts";

/** See the module. */
export const meshDns: Plugin<MeshDnsNeeds> = {
  name: "mesh_dns",
  summary: "names of the mesh in DNS",
  feature: Feature.MESH_DNS,
  needs: [
    "read",
    "appliedIndex",
    "node",
    "leader",
    "dnsBoard",
    "resolver",
    "listen",
    "metrics",
    "log",
    "status",
    "tasks",
    "time",
    "clock",
    "random",
  ],
  options: MESH_DNS_OPTIONS,
  configure(raw) {
    const config = meshDnsConfig(raw);
    return (needs) => startMeshDns(needs, config);
  },
};
