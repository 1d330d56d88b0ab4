/**
 * Handling of secrets: comparison whose time does not depend on the contents, and wiping.
 *
 * JavaScript gives no promise about time or copies that the collector made; this is best effort: no early exit, no
 * branch on contents.
 *
 * @module
 */

/** True if both have the same length and bytes. The time depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Overwrites secrets with zeros. */
export function wipe(...secrets: Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
