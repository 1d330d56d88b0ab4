import { strict as assert } from "node:assert";
import { refusal, UAPI_ERRNO } from "../../../core/dataplane/uapi_refusal.ts";
import { Errno } from "../../../core/io/errno.ts";

Deno.test("refusal: has the number of its name", () => {
  assert.deepEqual(refusal("EADDRINUSE", "taken"), { kind: "refusal", errno: 98, why: "taken" });
});

Deno.test("UAPI_ERRNO: agrees with the numbers that system calls give", () => {
  const known = new Map<string, number>(Object.entries(Errno));
  for (const [name, number] of Object.entries(UAPI_ERRNO)) assert.equal(known.get(name) ?? number, number, name);
});
