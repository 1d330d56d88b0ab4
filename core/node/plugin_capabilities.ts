/**
 * The capabilities of a node, made for one start of one plugin: what is made through them belongs to its scope, what is
 * called back goes through its meter, and nothing works after it has stopped.
 *
 * @module
 */
import type { StatusSchema } from "../../proto/gen/v1/node_messages_pb.ts";
import type { RaftApplyResponse, RaftLogEntry } from "../../proto/gen/v1/node_raft_pb.ts";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { StatusSchema as StatusMessage } from "../../proto/gen/v1/node_messages_pb.ts";
import { NodeMetricsSchema } from "../../proto/gen/v1/node_metrics_pb.ts";
import { Alarm, delay } from "../io/alarm.ts";
import { serveHttp } from "../io/http_server.ts";
import { ResolvedLink } from "../io/resolved.ts";
import { openTcpPort } from "../io/tcp_port.ts";
import { openUdpPort } from "../io/udp_port.ts";
import type { Host } from "../plugin/host.ts";
import type { Http, Listen, TcpPort } from "../plugin/listen.ts";
import type { BuildFacts, NodeFacts } from "../plugin/node_facts.ts";
import type { PluginStates } from "../plugin/plugin_state.ts";
import type { Resolver } from "../plugin/resolver.ts";
import type { Read } from "../plugin/state.ts";
import type { Tasks, Time } from "../plugin/tasks.ts";
import type { RpcServer } from "../rpc/server.ts";
import type { Clock } from "../seams/clock.ts";
import type { Log } from "../seams/log.ts";
import type { Random } from "../seams/random.ts";
import type { DnsRegistry } from "./dns_registry.ts";
import type { HealthBoard } from "./health_board.ts";
import { LeaderCalls } from "./leader_calls.ts";
import type { MetricRegistry } from "./metric_registry.ts";
import { nodeMetrics } from "./node_metrics.ts";
import { guardedCollector } from "./plugin_collector.ts";
import { textOf, UnauthorisedServiceError } from "./plugin_failure.ts";
import { pluginEntryBytes, PluginTables } from "./plugin_tables.ts";
import { pluginInterceptor, pluginService, statesAuthorisation } from "./plugin_rpc.ts";
import type { PluginScope } from "./plugin_scope.ts";
import type { Running } from "./running.ts";

/** What capabilities are made of. */
export interface CapabilityParts {
  readonly running: Running;
  readonly rpc: Pick<RpcServer, "add" | "intercept">;
  /** The answer of `v1.Node.GetStatus`. */
  readonly status: () => MessageInitShape<typeof StatusSchema>;
  readonly build: BuildFacts;
  readonly ports: { readonly grpc: number; readonly raft: number };
  readonly log: Log;
  readonly random: Random;
  readonly clock: Clock;
  readonly metrics: MetricRegistry;
  readonly dns: DnsRegistry;
  readonly health: HealthBoard;
  readonly plugins: PluginStates;
}

/**
 * Everything there is to take, for one start.
 *
 * @param fail Stops the plugin; the argument says why.
 */
export function pluginCapabilities(scope: PluginScope, fail: (why: string) => void, parts: CapabilityParts): Host {
  const { running, rpc, clock } = parts;
  const log = parts.log.child(scope.name);
  const metrics = parts.metrics.declare(`${scope.name}_`, guardedCollector(scope.meter));
  scope.hold(metrics);
  scope.hold({ [Symbol.dispose]: () => parts.dns.forget(scope.name) });
  const leader = scope.hold(
    new LeaderCalls({
      nodeId: running.nodeId,
      leaderId: () => running.raftStatus.leader,
      leader: () => running.leader(),
      connectTo: (node) => running.connectTo(node),
      until: (condition, signal) => running.parts.changes.until(condition, signal),
    }),
  );
  return {
    read: reads(scope, running),
    propose: (command, parameters) =>
      scope.meter.wake(
        "propose",
        proposed(scope, running, () => command.entry(parameters)),
        (response) => command.result(response),
      ),
    appliedIndex: appliedIndexes(scope, running),
    tables: new PluginTables({
      namespace: scope.name,
      read: (query) => {
        scope.requireRunning();
        return running.parts.machine.read(query);
      },
      propose: (entry) => scope.meter.wake("tables", proposed(scope, running, () => entry)),
    }),
    rpc: {
      serve: (service) => {
        scope.requireRunning();
        const unstated = statesAuthorisation(service);
        if (unstated !== undefined) throw new UnauthorisedServiceError(unstated);
        return held(scope, rpc.add(pluginService(service, scope.meter)));
      },
    },
    intercept: (interceptor) => {
      scope.requireRunning();
      return held(scope, rpc.intercept(pluginInterceptor(interceptor, scope.meter), scope.place));
    },
    leader: {
      current: () => leader.current(),
      another: (nodeId, signal) => scope.meter.wake("leader", inScope(scope, () => leader.another(nodeId, signal))),
      call: (path, requests, options) => {
        scope.requireRunning();
        return leader.call(path, requests, options);
      },
    },
    node: nodeFacts(scope, parts),
    http: https(scope, log),
    listen: listens(scope, log),
    metrics,
    metricFamilies: { collect: () => scope.meter.wake("metrics", parts.metrics.collect()) },
    dns: parts.dns.of(scope.name, scope.place),
    dnsBoard: parts.dns,
    resolver: resolver(scope, running),
    log,
    status: parts.health.of(scope.name, scope.signal),
    plugins: { list: () => parts.plugins.list() },
    tasks: tasks(scope, fail),
    clock,
    time: time(scope, clock),
    random: parts.random,
  };
}

/** What is taken back at the latest when the plugin stops. */
function held(scope: PluginScope, thing: Disposable): Disposable {
  scope.hold(thing);
  return {
    [Symbol.dispose]: () => {
      scope.drop(thing);
      thing[Symbol.dispose]();
    },
  };
}

/** The port as the plugin has it: one that it closes itself is not held any more. */
function heldPort<Port extends TcpPort>(scope: PluginScope, port: Port): Port {
  scope.hold(port);
  return new Proxy(port, {
    get(inner, key) {
      if (key === Symbol.asyncDispose) {
        return async () => {
          scope.drop(inner);
          await inner[Symbol.asyncDispose]();
        };
      }
      const value: unknown = Reflect.get(inner, key, inner);
      return typeof value === "function" ? value.bind(inner) : value;
    },
  });
}

async function inScope<Result>(scope: PluginScope, work: () => Promise<Result>): Promise<Result> {
  scope.requireRunning();
  return await work();
}

/** An entry of the plugin's on its way through the log. Hot: no promise but the log's. */
function proposed(
  scope: PluginScope,
  running: Running,
  make: () => RaftLogEntry,
): Promise<RaftApplyResponse> {
  try {
    scope.requireRunning();
    running.requireLeader();
    return running.parts.raft.propose(pluginEntryBytes(make()));
  } catch (error) {
    return Promise.reject(error);
  }
}

function reads(scope: PluginScope, { reads, parts: { machine } }: Running): Read {
  return (query, as) =>
    scope.meter.wake(
      "read",
      inScope(scope, async () => {
        if (as && "methodPath" in as) await reads.admit(as);
        else if (as) await reads.at(as);
        return machine.read(query);
      }),
    );
}

function appliedIndexes(scope: PluginScope, { parts: { machine, changes } }: Running): AsyncIterable<number> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<number> {
      let seen = -1;
      let isDone = false;
      const next = async (): Promise<IteratorResult<number>> => {
        try {
          await changes.until(() => isDone || machine.appliedIndex > seen, scope.signal);
        } catch {
          isDone = true;
        }
        if (isDone) return { done: true, value: undefined };
        return { done: false, value: seen = machine.appliedIndex };
      };
      return {
        next: () => scope.meter.wake("appliedIndex", next()),
        return: () => {
          isDone = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}

function nodeFacts(scope: PluginScope, { running, status, ports, build }: CapabilityParts): NodeFacts {
  const { config, publicKey, machine, tunnel, startedWallMs } = running.parts;
  const mesh = (): ReturnType<NodeFacts["mesh"]> => {
    try {
      return running.mesh();
    } catch {
      return undefined;
    }
  };
  return {
    id: running.nodeId,
    publicKey,
    build,
    startedWallMs,
    settings: {
      dataDir: config.dataDir,
      ipv4: config.ipv4,
      ipv6: config.ipv6,
      grpcPort: ports.grpc,
      raftPort: ports.raft,
    },
    self: () => running.self(),
    mesh,
    raft: () => running.raftStatus,
    stateHash: () => machine.stateHash(),
    appliedIndex: () => machine.appliedIndex,
    status: () => create(StatusMessage, status()),
    device: () =>
      scope.meter.wake(
        "device",
        inScope(scope, async () => {
          const { listenPort, restartCount, cryptoSuite, peers, drops } = await tunnel.status();
          const { interfaceName, mtu } = tunnel;
          return { interfaceName, mtu, listenPort, restartCount, cryptoSuite, peers, drops: { ...drops } };
        }),
      ),
    metrics: () =>
      scope.meter.wake(
        "node metrics",
        inScope(scope, async () => create(NodeMetricsSchema, await nodeMetrics(running))),
      ),
  };
}

function https(scope: PluginScope, log: Log): Http {
  return {
    serve: (address, onRequest) =>
      scope.meter.wake(
        "http",
        inScope(scope, async () => {
          const onFailure = (error: unknown) => log.error("request failed", { error: textOf(error) });
          const answer = (request: Request, from: { readonly host: string; readonly port: number }) =>
            scope.meter.run("http request", () => onRequest(request, from));
          return heldPort(scope, await serveHttp(address, answer, onFailure));
        }),
      ),
  };
}

function listens(scope: PluginScope, log: Log): Listen {
  return {
    udp: (address, onDatagram) =>
      scope.meter.wake(
        "udp",
        inScope(scope, async () => {
          const port = await openUdpPort(address, (datagram, from, port) => {
            try {
              scope.meter.run("datagram", () => onDatagram(datagram, from, port));
            } catch (error) {
              log.error("datagram failed", { error: textOf(error) });
              scope.meter.strike("datagram", `threw: ${textOf(error)}`);
            }
          });
          return heldPort(scope, port);
        }),
      ),
    tcp: (address, connectionsMax, onConnection) =>
      scope.meter.wake(
        "tcp",
        inScope(scope, async () => {
          const port = await openTcpPort(address, connectionsMax, async (connection, signal) => {
            try {
              await scope.meter.run("connection", () => onConnection(connection, signal));
            } catch (error) {
              if (!signal.aborted) log.debug("connection failed", { error: textOf(error) });
            }
          });
          return heldPort(scope, port);
        }),
      ),
  };
}

function resolver(scope: PluginScope, { parts: { tunnel, config } }: Running): Resolver {
  const link = new ResolvedLink(tunnel.interfaceName, config.dataDir);
  return {
    route: (route) =>
      scope.meter.wake(
        "resolver",
        inScope(scope, () => {
          scope.hold(link);
          return link.route(route);
        }),
      ),
    restore: () => scope.meter.wake("resolver", inScope(scope, () => link.restore())),
  };
}

function tasks(scope: PluginScope, fail: (why: string) => void): Tasks {
  return {
    run: (name, work) => {
      scope.requireRunning();
      const done = scope.meter.run(name, async () => await work(scope.signal));
      done.catch((error) => {
        if (!scope.signal.aborted) fail(`${name}: ${textOf(error)}`);
      });
    },
  };
}

function time(scope: PluginScope, clock: Clock): Time {
  return {
    delay: (delayMs, signal) => {
      const either = signal ? AbortSignal.any([signal, scope.signal]) : scope.signal;
      return scope.meter.wake("delay", delay(delayMs, either));
    },
    timer: (onDue) => {
      scope.requireRunning();
      const alarm = new Alarm(clock, () => {
        try {
          scope.meter.run("timer", onDue);
        } catch (error) {
          scope.meter.strike("timer", `threw: ${textOf(error)}`);
        }
      });
      scope.hold(alarm);
      return {
        arm: (atMs) => scope.signal.aborted || alarm.arm(atMs),
        [Symbol.dispose]: () => {
          scope.drop(alarm);
          alarm[Symbol.dispose]();
        },
      };
    },
  };
}
