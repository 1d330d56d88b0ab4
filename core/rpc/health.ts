/**
 * The standard health service, `grpc.health.v1.Health`: is the node as a whole, or one of its services, at work?
 *
 * @module
 */
import { assert } from "../assert.ts";
import { MeshError } from "../plugin/errors.ts";
import type { RpcServiceFor } from "../plugin/rpc.ts";
import {
  Health as HealthDescriptor,
  HealthCheckResponse_ServingStatus,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { HEALTH_WATCHERS_MAX } from "./limits.ts";

/** The name that stands for the server as a whole. */
export const WHOLE_SERVER = "";

type ServingStatus = HealthCheckResponse_ServingStatus;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

/** The state that the health service reports. */
export class Health {
  readonly #statuses: Map<string, ServingStatus>;
  /** Called after every change. */
  readonly #watchers = new Set<() => void>();
  #isShutDown = false;

  /** @param services Full names of the services that have a status of their own; all start as SERVING. */
  constructor(services: readonly string[]) {
    this.#statuses = new Map([WHOLE_SERVER, ...services].map((name) => [name, SERVING]));
  }

  /** Changes the status of `service`, one that is served or {@linkcode WHOLE_SERVER}. */
  set(service: string, isServing: boolean): void {
    assert(this.#statuses.has(service), "A health status belongs to a service of this server");
    if (this.#isShutDown) return;
    this.#statuses.set(service, isServing ? SERVING : NOT_SERVING);
    this.#notify();
  }

  /** A service begins to be served, as SERVING, or ends: it is then unknown. */
  announce(service: string, isServed: boolean): void {
    if (this.#isShutDown) return;
    if (isServed) this.#statuses.set(service, SERVING);
    else this.#statuses.delete(service);
    this.#notify();
  }

  /** Reports NOT_SERVING for everything, for good, and ends all watches. */
  shutDown(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    for (const name of this.#statuses.keys()) this.#statuses.set(name, NOT_SERVING);
    this.#notify();
  }

  /** The status of `service`; `undefined` if there is no such service. */
  get(service: string): ServingStatus | undefined {
    return this.#statuses.get(service);
  }

  /** All statuses by name. */
  all(): ReadonlyMap<string, ServingStatus> {
    return this.#statuses;
  }

  /**
   * Yields the status of `service` now and after every change of it, until shut down (which is yielded) or aborted.
   *
   * @throws {MeshError} `exhausted` beyond {@linkcode HEALTH_WATCHERS_MAX} watchers.
   */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<ServingStatus> {
    if (this.#watchers.size >= HEALTH_WATCHERS_MAX) {
      throw new MeshError("exhausted", `More than ${HEALTH_WATCHERS_MAX} health watchers`);
    }
    let wake = Promise.withResolvers<void>();
    const onChange = () => wake.resolve();
    this.#watchers.add(onChange);
    signal.addEventListener("abort", onChange);
    try {
      let last: ServingStatus | undefined;
      while (!signal.aborted) {
        wake = Promise.withResolvers<void>();
        const status = this.get(service) ?? SERVICE_UNKNOWN;
        if (status !== last) yield status;
        else if (this.#isShutDown) return;
        else await wake.promise;
        last = status;
      }
    } finally {
      this.#watchers.delete(onChange);
      signal.removeEventListener("abort", onChange);
    }
  }

  #notify(): void {
    for (const onChange of this.#watchers) onChange();
  }
}

/** The service over `health`. */
export function healthService(health: Health): RpcServiceFor<typeof HealthDescriptor> {
  return {
    service: HealthDescriptor,
    methods: {
      check: {
        authorisation: "public",
        handle({ service }) {
          const status = health.get(service);
          if (status === undefined) throw new MeshError("not-found", `No service "${service}" here`);
          return Promise.resolve({ status });
        },
      },
      list: {
        authorisation: "public",
        handle() {
          const statuses = [...health.all()].map(([name, status]) => [name, { status }] as const);
          return Promise.resolve({ statuses: Object.fromEntries(statuses) });
        },
      },
      watch: {
        authorisation: "public",
        async *handle({ service }, { signal }) {
          for await (const status of health.watch(service, signal)) yield { status };
        },
      },
    },
  };
}
