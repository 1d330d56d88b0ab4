import assert from "node:assert/strict";
import { nobleSuite } from "../../../core/crypto/noble_suite.ts";
import { PrivateKey } from "../../../core/keys/private_key.ts";
import { Identity } from "../../../core/wireguard/identity.ts";
import { SeededRandom } from "../../twins/seeded_random.ts";

Deno.test("Identity: both halves belong together, and disposing wipes the secret", () => {
  const privateKey = PrivateKey.generate(new SeededRandom(1));
  const identity = new Identity(nobleSuite, privateKey);
  assert.deepEqual(identity.pair.privateKey, privateKey.reveal());
  assert.ok(identity.key.equals(privateKey.publicKey(nobleSuite.x25519)));
  assert.deepEqual(identity.key.bytes, identity.pair.publicKey);
  identity[Symbol.dispose]();
  assert.deepEqual(identity.pair.privateKey, new Uint8Array(32));
  assert.notDeepEqual(privateKey.reveal(), new Uint8Array(32));
});
