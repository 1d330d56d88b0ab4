/**
 * Names of nodes.
 *
 * An id is what the mesh's DNS answers to (RFC 1035 §2.3.1): 1 to 63 characters, letters, digits, `-`, `_` and `.`, first
 * and last a letter or digit, and no two dots in a row, so that every part between dots is a label. Upper and lower case
 * are kept as given, but two ids that differ in case only are one name: the replicated SQL refuses the second, and Raft
 * ACLs match without regard to case.
 *
 * @module
 */
import { NODE_ID_CHARACTERS_MAX } from "./limits.ts";

/** Why `id` cannot name a node, a sentence; `undefined` if it can. Never throws. */
export function validateNodeId(id: string): string | undefined {
  if (id === "") return "Node id is empty";
  if (id.length > NODE_ID_CHARACTERS_MAX) return `Node id has more than ${NODE_ID_CHARACTERS_MAX} characters`;
  if (!/^[A-Za-z0-9._-]*$/.test(id)) return "Node id has other characters than letters, digits, '-', '_' and '.'";
  if (!/^[A-Za-z0-9].*(?<=[A-Za-z0-9])$/.test(id)) return "Node id does not start and end with a letter or digit";
  if (id.includes("..")) return "Node id has two dots in a row";
  return undefined;
}

/** The form in which ids are compared: equal for ids that are one name. */
export function nodeName(id: string): string {
  return id.toLowerCase();
}
