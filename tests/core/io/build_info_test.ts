import assert from "node:assert/strict";
import { buildInfo } from "../../../core/io/build_info.ts";

Deno.test("buildInfo: from source has the version of deno.json and says that it was not built", () => {
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("../../../deno.json", import.meta.url))) as {
    version: string;
  };
  const info = buildInfo();
  assert.equal(info.version, version);
  assert.equal(info.date, "source");
  assert.match(info.commit, /^(dev|\S+)$/);
});
