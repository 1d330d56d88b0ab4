/**
 * The state of a replica made again, from an image and the log behind it.
 *
 * @module
 */
import { assert } from "../assert.ts";
import { MeshError } from "../plugin/errors.ts";
import type { MemoryStorage } from "../raft/memory_storage.ts";
import type { StateMachine } from "../state/apply.ts";
import type { StateImage } from "./healthy_image.ts";

/** Payload bytes that are read at once when the log is applied again. */
const REPLAY_BYTES = 1 << 20;

type Machine = Pick<StateMachine, "appliedIndex" | "applyBatch" | "advanceTo" | "restore">;
type Storage = Pick<MemoryStorage, "snapshot" | "firstIndex" | "entries">;

/**
 * Puts what the log is to be applied to in the place of the state.
 *
 * @param image The state as of an entry that is applied; the last snapshot if left out.
 * @throws {MeshError} `unavailable` if there is no snapshot, or the log has nothing behind the image. The state is as it was.
 * @throws {StateImageError} If the image is damaged; the state is as it was.
 */
export function restoreBegin(machine: Machine, storage: Storage, image: StateImage | undefined): void {
  const end = machine.appliedIndex;
  const snapshot = storage.snapshot();
  const begin = image ?? (snapshot && { index: snapshot.meta.index, data: snapshot.data });
  if (!begin) throw new MeshError("unavailable", "There is no snapshot to begin with");
  if (begin.index > end || begin.index < storage.firstIndex() - 1) {
    throw new MeshError("unavailable", `The log has nothing between the image at ${begin.index} and ${end}`);
  }
  machine.restore(begin.data);
}

/** Applies the log up to `end` once more; nobody waits for the results. */
export function replay(machine: Machine, storage: Storage, end: number): void {
  while (machine.appliedIndex < end) {
    const entries = storage.entries(machine.appliedIndex + 1, end + 1, REPLAY_BYTES) ?? [];
    assert(entries.length > 0, "The log goes on behind its snapshot");
    for (const { type, index, term, data } of entries) {
      if (type === "normal") machine.applyBatch([{ index, term, data }]);
      else machine.advanceTo(index, term);
    }
  }
}
