/**
 * Why a write or read is not taken by Raft, as callers hear it.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { ProposeRefusal } from "../raft/outcome.ts";

/** One error for each reason and loop: many may be refused at once, and its stack says nothing. */
export class Refusals {
  readonly #known = new Map<ProposeRefusal, MeshError>();

  /** The same error for all who are refused for the same reason. */
  of(why: ProposeRefusal): MeshError {
    const known = this.#known.get(why) ?? refusal(why);
    this.#known.set(why, known);
    return known;
  }
}

function refusal(why: ProposeRefusal): MeshError {
  switch (why) {
    case "no-leader":
      return new MeshError("no-leader", "The mesh has no leader now", {
        hint: "Look at `weft status`: a majority of the voters must be up and reach each other.",
      });
    case "not-leader":
      return new MeshError("not-leader", "This node is not the leader");
    case "not-member":
      return new MeshError("not-joined", "This node is no longer a member of the mesh");
    case "transferring":
    case "too-busy":
      return new MeshError("unavailable", `The leader cannot take the write now: ${why}`, {
        hint: "Run the command again in a moment.",
      });
  }
}
