/**
 * The product's engine with windows in its walls: the oracle looks in before anything comes out.
 *
 * @module
 */
import type { ConfChange } from "../../core/raft/conf_change.ts";
import type { RaftConfig } from "../../core/raft/config.ts";
import { RaftEngine } from "../../core/raft/engine.ts";
import type { Ready } from "../../core/raft/ready.ts";
import type { RaftState } from "../../core/raft/state.ts";
import type { RaftStorage } from "../../core/raft/storage.ts";
import type { ConfState, Entry } from "../../core/seams/log_store.ts";

/** Who watches an engine. */
export interface EngineWatcher {
  /** Called before a `Ready` is handed out. */
  readying(engine: SimEngine): void;
  /** Called when a membership change was applied. */
  changed(index: number, before: ConfState, after: ConfState): void;
}

/** See the module. */
export class SimEngine extends RaftEngine {
  readonly #watcher: EngineWatcher;
  /** No engine may hold more entries than this that are not durable; see invariant 13. */
  readonly unstableBytesMax: number;

  constructor(config: RaftConfig, storage: RaftStorage, watcher: EngineWatcher) {
    super(config, storage);
    this.#watcher = watcher;
    const { maxUnstableBytes, maxUncommittedBytes, maxAppendBytes } = config;
    this.unstableBytesMax = maxUnstableBytes + maxUncommittedBytes + maxAppendBytes + SLACK_BYTES;
  }

  /** The variables; only to be looked at, except by mutants. */
  get raw(): RaftState {
    return this.state;
  }

  override ready(): Ready {
    this.#watcher.readying(this);
    return super.ready();
  }

  override applyConfChange(change: ConfChange | Entry): ConfState {
    const before = this.state.membership;
    const after = super.applyConfChange(change);
    if ("index" in change) this.#watcher.changed(change.index, before, after);
    return after;
  }
}

/** One entry of any size always passes, and empty entries of new leaders cost nothing in the limits. */
const SLACK_BYTES = 64 << 10;
