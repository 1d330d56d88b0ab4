/**
 * Who may read what names keys and addresses: this host, and the mesh.
 *
 * @module
 */
import { IpAddress, type MeshInfo } from "../../core/mod.ts";

/** True for loopback addresses and those of the mesh's own networks. @param host An address as the listener says it. */
export function isOfMesh(host: string, mesh: Pick<MeshInfo, "networkIpv4" | "networkIpv6"> | undefined): boolean {
  const address = IpAddress.parse(host.replace(/^::ffff:(?=[0-9.]+$)/i, "").replace(/%.*$/, ""));
  if (!address) return false;
  if (`${address}` === "::1" || (address.family === 4 && `${address}`.startsWith("127."))) return true;
  const networks = mesh ? [mesh.networkIpv4, mesh.networkIpv6] : [];
  return networks.some((network) => network.contains(address));
}
