/**
 * The directives of membership transcripts: `simple`, `enter-joint` and `leave-joint`, with the progress of each member.
 *
 * @module
 */
import {
  changeSimply,
  EMPTY_MEMBERSHIP,
  enterJoint,
  leaveJoint,
  memberIds,
  type MembershipError,
  type MembershipResult,
} from "../../../../core/raft/membership.ts";
import type { Directive, Handler } from "./datadriven.ts";
import { describeMembership } from "./describe.ts";
import { parseSteps } from "./steps.ts";

const ERRORS: Record<MembershipError, string> = {
  "no-voters": "removed all voters",
  "no-configuration": "can't make a zero-voter config joint",
  "needs-joint": "more than one voter changed without entering joint config",
  "must-leave-joint": "can't apply simple config change in joint config",
  "not-joint": "can't leave a non-joint config",
};

/** A handler with a membership of its own, empty at first. */
export function confChangeHandler(): Handler {
  let conf = EMPTY_MEMBERSHIP;
  let lastIndex = 0;
  const next = new Map<number, number>();
  return (d: Directive) => {
    const index = lastIndex++;
    const result = change(d, conf);
    if (typeof result === "string") return result;
    if (result.kind === "refused") {
      const again = d.command === "enter-joint" && result.why === "must-leave-joint";
      return again ? "config is already joint" : ERRORS[result.why];
    }
    conf = result.confState;
    const members = memberIds(conf);
    for (const id of next.keys()) if (!members.includes(id)) next.delete(id);
    const lines = members.map((id) => {
      if (!next.has(id)) next.set(id, Math.max(index, 1));
      const learner = conf.learners.includes(id) ? " learner" : "";
      return `\n${id}: StateProbe match=0 next=${next.get(id)}${learner}`;
    });
    return describeMembership(conf) + lines.join("");
  };

  function change(d: Directive, before: typeof conf): MembershipResult | string {
    const steps = parseSteps(d.input);
    switch (d.command) {
      case "simple":
        return changeSimply(before, steps);
      case "enter-joint":
        return enterJoint(before, steps, d.args.some(({ key, values }) => key === "autoleave" && values[0] === "true"));
      case "leave-joint":
        return steps.length > 0 ? "this command takes no input" : leaveJoint(before);
      default:
        return "unknown command";
    }
  }
}
