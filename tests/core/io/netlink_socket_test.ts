import { strict as assert } from "node:assert";
import { OsError } from "../../../core/io/errno.ts";
import { Libc } from "../../../core/io/libc_ffi.ts";
import { NetlinkRequest, NLM_F_ACK } from "../../../core/io/netlink_message.ts";
import { NetlinkSocket } from "../../../core/io/netlink_socket.ts";
import { linkByNameRequest, linksRequest, parseLink } from "../../../core/io/rtnetlink_link.ts";

Deno.test("NetlinkSocket.request: returns the object asked for, again and again", () => {
  using libc = Libc.open();
  using socket = NetlinkSocket.open(libc);
  for (let i = 0; i < 3; i++) {
    const message = socket.request("find lo", linkByNameRequest("lo"));
    assert.equal(message && parseLink(message)?.isLoopback, true);
  }
});

Deno.test("NetlinkSocket.dump: returns all objects, and a request after it gets its own answer", () => {
  using libc = Libc.open();
  using socket = NetlinkSocket.open(libc);
  const names = socket.dump("list", linksRequest(), parseLink).map((link) => link.name);
  assert.ok(names.includes("lo"));
  const message = socket.request("find lo", linkByNameRequest("lo"));
  assert.equal(message && parseLink(message)?.name, "lo");
});

Deno.test("NetlinkSocket: a refusal says what was asked and what the kernel says", () => {
  using libc = Libc.open();
  using socket = NetlinkSocket.open(libc);
  assert.throws(() => socket.request("find nothing", linkByNameRequest("no-such-if")), (error) => {
    assert.ok(error instanceof OsError);
    assert.equal(error.code, "ENODEV");
    assert.match(error.message, /^find nothing: ENODEV/);
    return true;
  });
  const nonsense = new NetlinkRequest(9999, NLM_F_ACK, new Uint8Array(0));
  assert.throws(() => socket.request("ask nonsense", nonsense), { code: "EOPNOTSUPP" });
  assert.throws(() => socket.dump("list nonsense", nonsense, parseLink), { code: "EOPNOTSUPP" });
});
