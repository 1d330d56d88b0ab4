import { strict as assert } from "node:assert";
import { errnoName, OsError } from "../../../core/io/errno.ts";

Deno.test("errnoName: knows the names it uses and shows other numbers", () => {
  assert.equal(errnoName(1), "EPERM");
  assert.equal(errnoName(113), "EHOSTUNREACH");
  assert.equal(errnoName(4095), "errno 4095");
});

Deno.test("OsError: names call, code and what the kernel said", () => {
  const error = new OsError("add route 10.0.0.0/8", 17, "exists already");
  assert.equal(error.message, "add route 10.0.0.0/8: EEXIST (exists already)");
  assert.equal(error.code, "EEXIST");
  assert.equal(error.errno, 17);
});
