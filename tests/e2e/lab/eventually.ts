/**
 * Waiting with a deadline, for a condition or a promise: the only place of the tests that lets time pass.
 *
 * @module
 */

/** How often a condition is asked. */
const POLL_MS = 20;

/**
 * Asks `condition` until it gives a value other than `undefined` and `false`, and returns that value.
 *
 * A condition that throws counts as not yet true, so assertions can be conditions.
 *
 * @param what What is waited for, to complete the sentence "waited … ms for".
 * @throws {Error} When `deadlineMs` have passed; `cause` is what the condition threw last.
 */
export async function eventually<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs: number,
): Promise<T> {
  const giveUpAtMs = performance.now() + deadlineMs;
  while (true) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= giveUpAtMs) {
      const last = cause instanceof Error ? `: ${cause.message}` : "";
      throw new Error(`waited ${deadlineMs} ms for ${what}${last}`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Waits for a promise. What it stands for goes on when the time is over; the caller ends it.
 *
 * @param what What is waited for, to complete the sentence "waited … ms for".
 * @throws {Error} When `deadlineMs` have passed, or what the promise rejects with.
 */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited ${deadlineMs} ms for ${what}`)), deadlineMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
