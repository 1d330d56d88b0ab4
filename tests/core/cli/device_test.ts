import assert from "node:assert/strict";
import { deviceRequest } from "../../../core/cli/device.ts";

Deno.test("deviceRequest: options come before the environment, empty variables count as not set", () => {
  const variables = { WEFT_LOG_LEVEL: "warn", WEFT_LOG_FORMAT: "" };
  assert.deepEqual(deviceRequest("wg0", {}, variables), { interfaceName: "wg0", logLevel: "warn", logFormat: "auto" });
  assert.equal(deviceRequest("wg0", { logLevel: "error" }, variables).logLevel, "error");
});

Deno.test("deviceRequest: refuses names that Linux has not", () => {
  for (const name of ["", ".", "..", "a b", "a/b", "-f", "wg%d", "0123456789abcdef"]) {
    assert.throws(() => deviceRequest(name, {}, {}), { name: "UsageError" }, name);
  }
  assert.equal(deviceRequest("0123456789abcde", {}, {}).interfaceName.length, 15);
});

Deno.test("deviceRequest: refuses logs that there are not", () => {
  assert.throws(() => deviceRequest("wg0", {}, { WEFT_LOG_FORMAT: "xml" }), {
    name: "UsageError",
    message: /text, json/,
  });
});
