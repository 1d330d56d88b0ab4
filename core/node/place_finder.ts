/**
 * Where a node stands when it starts: it resumes the place that its disk remembers, starts a mesh, or joins one; and the log that
 * Raft begins with there.
 *
 * @module
 */
import { delay } from "../io/alarm.ts";
import { IpAddress } from "../ip/address.ts";
import { MeshError } from "../plugin/errors.ts";
import { MemoryStorage } from "../raft/memory_storage.ts";
import type { StoredLog } from "../seams/log_store.ts";
import { BOOTSTRAP_RAFT_ID } from "../state/commands/bootstrap_mesh.ts";
import { formatHostPort, formatJoinServer, type NodeConfig } from "./config.ts";
import { discoverPeers } from "./discover.ts";
import { announcedEndpoints } from "./endpoints.ts";
import { joinMesh } from "./join.ts";
import type { LifeParts } from "./life_parts.ts";
import { newMesh, type Place, randomId, type SelfDescription, sendJoin } from "./origin.ts";
import type { WriteSessions } from "./write_sessions.ts";

const FIRST_INDEX = 1;
const FIRST_TERM = 1;
const ALONE = { voters: [BOOTSTRAP_RAFT_ID], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/** An address beyond every local network (RFC 5737): the route to it is the default route. Nothing is sent there. */
const DEFAULT_ROUTE_PROBE = documentationAddress();

function documentationAddress(): IpAddress {
  const address = IpAddress.parse("203.0.113.1");
  if (!address) throw new MeshError("internal", "A documentation address is an address");
  return address;
}

/** See the module. */
export class PlaceFinder {
  readonly #parts: LifeParts;
  readonly #sessions: WriteSessions;

  constructor(parts: LifeParts, sessions: WriteSessions) {
    this.#parts = parts;
    this.#sessions = sessions;
  }

  /**
   * What this node says of itself.
   *
   * @param destination Whom it talks to, which decides between several addresses; by the default route if left out.
   */
  describe(destination: IpAddress | undefined): SelfDescription {
    const { config, tunnel, publicKey, links, rpcPort, machine: { versions } } = this.#parts;
    const announced = announcedEndpoints({
      configuredPrimary: config.primaryEndpoint,
      configuredOthers: config.endpoints,
      routed: tunnel.sourceAddressFor(destination ?? DEFAULT_ROUTE_PROBE),
      host: tunnel.hostAddresses(),
    });
    const { port: raftPort } = links;
    const ports = { raftPort, grpcPort: rpcPort, wireguardPort: tunnel.listenPort };
    return { publicKey: `${publicKey}`, ...ports, announced, versions };
  }

  /**
   * The place in a mesh that this node has, or gets.
   *
   * @throws {MeshError} `not-joined` if nobody said how to get one; what a Join throws.
   */
  async find(signal: AbortSignal): Promise<Place> {
    const { config, identity, random, store } = this.#parts;
    const resumes = identity && (store.stored.snapshot !== undefined || identity.raftId === BOOTSTRAP_RAFT_ID);
    if (resumes) return { meshId: identity.meshId, raftId: identity.raftId, seed: undefined };
    switch (config.origin.kind) {
      case "bootstrap":
        return await this.#adopt(newMesh(random), randomId(random));
      case "join":
        return await this.#join(config.origin.servers, identity?.instanceId ?? randomId(random), signal);
      case "resume":
        throw new MeshError(
          "not-joined",
          identity ? "This node joined a mesh but never got its state" : "This node has no mesh yet",
          {
            hint: "Start it with --bootstrap, or with --join HOST:PORT of a node that is in a mesh.",
          },
        );
    }
  }

  async #join(
    servers: Extract<NodeConfig["origin"], { kind: "join" }>["servers"],
    instanceId: string,
    signal: AbortSignal,
  ): Promise<Place> {
    const { config, credentials, clock, log } = this.#parts;
    const session = this.#sessions.next();
    const place = await joinMesh(servers, {
      join: (server) => {
        const self = this.describe(IpAddress.parse(server.host));
        return sendJoin({ address: formatHostPort(server) }, credentials, config, self, instanceId, session, signal);
      },
      discover: (server) => discoverPeers(server, credentials, signal),
      nowMs: () => clock.monotonicMs(),
      wait: (delayMs) => delay(delayMs, signal),
      log,
    });
    log.info("joined", { mesh: place.meshId, raftId: place.raftId, via: servers.map(formatJoinServer).join(",") });
    return await this.#adopt(place, instanceId);
  }

  async #adopt(place: Place, instanceId: string): Promise<Place> {
    const { meshId, raftId } = place;
    await this.#parts.saveIdentity({ nodeId: this.#parts.config.nodeId, meshId, raftId, instanceId });
    return place;
  }

  /** The log in memory; a new mesh's begins with a snapshot of nothing that has this node as its only voter. */
  async storage(place: Place): Promise<MemoryStorage> {
    const { store, machine } = this.#parts;
    const { stored } = store;
    if (stored.snapshot || place.seed) return new MemoryStorage(stored);
    machine.advanceTo(FIRST_INDEX, FIRST_TERM);
    const begin: StoredLog & { readonly snapshot: object } = {
      hardState: { term: FIRST_TERM, vote: 0, commit: FIRST_INDEX },
      snapshot: { meta: { index: FIRST_INDEX, term: FIRST_TERM, confState: ALONE }, data: machine.snapshot() },
      entries: [],
    };
    await store.installSnapshot(begin.snapshot, begin.hardState);
    return new MemoryStorage(begin);
  }
}
