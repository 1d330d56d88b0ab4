/**
 * How fresh an answer must be, and how a caller says so: the one place that interprets the metadata keys `read-consistency`,
 * `freshness`, `freshness-strict` and `prefer-leader`. Names and meanings follow rqlite's read levels; `prefer-leader` is
 * that of the Webmesh v1 API.
 *
 * Who says nothing reads what the asked node has, `none`: so does every read of the v1 API, and an operator must be able
 * to look at a node when the mesh has no leader. rqlite's level `auto` is left out: it only names another default.
 *
 * @module
 */
import { formatGoDuration, parseGoDuration } from "../time/go_duration.ts";
import { MeshError } from "./errors.ts";
import type { RpcMetadata } from "./rpc.ts";

/** Metadata: one of {@linkcode READ_LEVEL_KINDS}. In answers: the level that was used. */
export const READ_CONSISTENCY_KEY = "read-consistency";
/** Metadata, with `none` only: a Go duration, such as `5s`. */
export const FRESHNESS_KEY = "freshness";
/** Metadata, with `freshness` only: `true` or `false`. */
export const FRESHNESS_STRICT_KEY = "freshness-strict";
/** Metadata: exactly `true` lets the leader answer where a proxy can reach it; anything else means nothing, as in v1. */
export const PREFER_LEADER_KEY = "prefer-leader";
/** Trailing metadata of answers: the log index, decimal, that the answer shows at least. */
export const APPLIED_INDEX_KEY = "applied-index";

/** All levels, from the cheapest to the dearest. */
export const READ_LEVEL_KINDS = ["none", "weak", "linearizable", "strong"] as const;

/** How old an answer of level `none` may be. */
export interface Freshness {
  /** A replica that has heard from no leader for longer refuses; milliseconds, above 0. */
  readonly maxMs: number;
  /** It also refuses while it has not applied what it was told to be committed that long ago. */
  readonly strict: boolean;
}

/** How fresh an answer must be. */
export type ReadLevel =
  /** What the asked replica has, whoever it is. */
  | { readonly kind: "none"; readonly freshness: Freshness | undefined }
  /** What the leader has; that it still leads is its own belief. */
  | { readonly kind: "weak" }
  /** Everything that was acknowledged before the question came, from any replica (Raft thesis §6.4). */
  | { readonly kind: "linearizable" }
  /** The same by an entry in the log, from the leader: for tests, and for who trusts nothing else. */
  | { readonly kind: "strong" };

/** What a caller asks for. */
export interface ReadWish {
  readonly level: ReadLevel;
  /** The leader should answer if it can be reached, and the asked node if not. */
  readonly prefersLeader: boolean;
}

/** The level of who says nothing. */
export const DEFAULT_READ_LEVEL: ReadLevel = { kind: "none", freshness: undefined };

/**
 * What `metadata` asks for.
 *
 * @throws {MeshError} `invalid-argument` for values that are none, and for combinations without meaning.
 */
export function readWishOf(metadata: RpcMetadata): ReadWish {
  return { level: levelOf(metadata), prefersLeader: metadata.get(PREFER_LEADER_KEY) === "true" };
}

/** The metadata that asks for `level`, for a call in the name of somebody who asked for it. */
export function readLevelMetadata(level: ReadLevel): Readonly<Record<string, string>> {
  const asked = { [READ_CONSISTENCY_KEY]: level.kind };
  if (level.kind !== "none" || !level.freshness) return asked;
  const { maxMs, strict } = level.freshness;
  return { ...asked, [FRESHNESS_KEY]: formatGoDuration(maxMs), [FRESHNESS_STRICT_KEY]: `${strict}` };
}

/** Whether only the leader may answer: a node that does not lead forwards the call or refuses it. */
export function needsLeader({ kind }: ReadLevel): boolean {
  return kind === "weak" || kind === "strong";
}

function levelOf(metadata: RpcMetadata): ReadLevel {
  const freshness = freshnessOf(metadata);
  const text = metadata.get(READ_CONSISTENCY_KEY) ?? DEFAULT_READ_LEVEL.kind;
  const kind = READ_LEVEL_KINDS.find((name) => name === text);
  if (kind === undefined) throw notOneOf(READ_CONSISTENCY_KEY, text, READ_LEVEL_KINDS);
  if (kind === "none") return { kind, freshness };
  if (freshness) throw invalid(`"${FRESHNESS_KEY}" goes with "${READ_CONSISTENCY_KEY}: none" only, not with ${kind}`);
  return { kind };
}

function freshnessOf(metadata: RpcMetadata): Freshness | undefined {
  const text = metadata.get(FRESHNESS_KEY);
  const strict = metadata.get(FRESHNESS_STRICT_KEY) ?? "false";
  if (strict !== "true" && strict !== "false") throw notOneOf(FRESHNESS_STRICT_KEY, strict, ["true", "false"]);
  if (text === undefined) {
    if (strict === "true") throw invalid(`"${FRESHNESS_STRICT_KEY}" needs "${FRESHNESS_KEY}", for example 5s`);
    return undefined;
  }
  const maxMs = parseGoDuration(text);
  if (maxMs === undefined || maxMs <= 0) {
    throw invalid(`"${FRESHNESS_KEY}: ${shown(text)}" is not a time above 0, such as 5s or 250ms`);
  }
  return { maxMs, strict: strict === "true" };
}

function notOneOf(key: string, text: string, allowed: readonly string[]): MeshError {
  return invalid(`"${key}: ${shown(text)}" is not known; allowed are ${allowed.join(", ")}`);
}

function invalid(message: string): MeshError {
  return new MeshError("invalid-argument", `Cannot read: ${message}`);
}

/** A caller's text inside a message. */
function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
