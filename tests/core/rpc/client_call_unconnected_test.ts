/**
 * A call on a connection that is only half made. In a file of its own and without the leak checks: the gRPC library ends the
 * timers of such a connection in its own time, which on a busy machine is after the test.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect } from "../../../core/rpc/client.ts";
import { Echo } from "./echo_service.ts";

const { talk } = Echo.method;

Deno.test({
  name: "ClientCall: requests that break before there is a connection end the call too",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    // Nobody answers here: a server would still be taking the connection in when the client has given it up.
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using client = connect({ address: `127.0.0.1:${silent.addr.port}` }, { kind: "insecure" });
    // deno-lint-ignore require-yield -- it is what the test is about
    async function* broken(): AsyncGenerator<{ id: string }> {
      throw new RangeError("no requests");
    }
    await assert.rejects(Array.fromAsync(client.stream(talk, broken())), /no requests/);
  },
});
