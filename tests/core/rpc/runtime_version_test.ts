/**
 * Tests for `core/rpc/runtime_version.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ConfigError } from "../../../core/plugin/errors.ts";
import { checkRuntimeVersion } from "../../../core/rpc/runtime_version.ts";

for (
  const version of ["2.8.0", "2.8.3", "2.9.0", "2.9.3", "2.9.7", "2.9.10", "2.10.0", "2.10.4", "3.0.0", "2.9.3+a1b2c3"]
) {
  Deno.test(`checkRuntimeVersion: takes ${version}`, () => checkRuntimeVersion(version));
}

for (const version of ["2.9.4", "2.9.5", "2.9.6", "2.7.9", "2.6.0", "1.46.3", "", "canary", "2.9"]) {
  Deno.test(`checkRuntimeVersion: refuses "${version}" and names the version to use`, () => {
    assert.throws(() => checkRuntimeVersion(version), (error) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, /^Cannot serve gRPC/);
      assert.match(error.hint ?? "", /2\.9\.3/);
      return true;
    });
  });
}
