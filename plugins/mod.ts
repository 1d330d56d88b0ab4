/**
 * The features that ship with Weft, in the order in which they start; they stop in reverse. Interceptors of earlier ones stand
 * farther out.
 *
 * @module
 */
import type { Plugin } from "../core/mod.ts";
import { adminApi } from "./admin_api/mod.ts";
import { meshApi } from "./mesh_api/mod.ts";

/** See the module. Services in front of nothing: where these two stand makes no difference. */
export const plugins: readonly Plugin[] = [
  meshApi,
  adminApi,
];
