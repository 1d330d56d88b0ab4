/**
 * The configuration socket of a mesh node's interface: `wg show` works, changes do not, because peers come from the mesh.
 *
 * The answer has the private key: `wg` computes the public key from it and shows none without it, and who may open the socket
 * may read the node's key file as well. Preshared keys are left out: nothing needs them.
 *
 * @module
 */
import type { PrivateKey } from "../keys/private_key.ts";
import { MeshError } from "../plugin/errors.ts";
import type { DataPlane, DeviceStatus } from "./data_plane.ts";
import { deviceAnswer, type PeerView } from "./uapi_answer.ts";
import { refusal, type UapiRefusal } from "./uapi_refusal.ts";
import type { UapiHandler } from "./uapi_session.ts";

/** See the module. */
export class ReadOnlyHandler implements UapiHandler {
  readonly #plane: Pick<DataPlane, "status">;
  readonly #privateKey: PrivateKey;

  /** @param privateKey That of the data plane; borrowed. */
  constructor(plane: Pick<DataPlane, "status">, privateKey: PrivateKey) {
    this.#plane = plane;
    this.#privateKey = privateKey;
  }

  async get(): Promise<string | UapiRefusal> {
    try {
      const { listenPort, peers } = await this.#plane.status();
      return deviceAnswer({ privateKey: this.#privateKey, listenPort, fwmark: 0, peers: peers.map(peerView) });
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      return refusal(error.reason === "timeout" ? "ETIMEDOUT" : "EIO", error.message);
    }
  }

  set(): Promise<UapiRefusal> {
    return Promise.resolve(refusal("EPERM", "the peers of a mesh node come from the mesh"));
  }
}

function peerView(peer: DeviceStatus["peers"][number]): PeerView {
  return {
    publicKey: peer.publicKey,
    presharedKey: undefined,
    endpoint: peer.endpoint,
    lastHandshakeWallMs: peer.lastHandshakeWallMs,
    rxBytes: peer.rxBytes,
    txBytes: peer.txBytes,
    persistentKeepaliveSeconds: Math.ceil(peer.persistentKeepaliveMs / 1000),
    allowedIps: peer.allowedIps,
  };
}
