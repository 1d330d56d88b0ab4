import assert from "node:assert/strict";
import { EndpointChoice } from "../../../core/wireguard/endpoint_choice.ts";
import { endpointOf } from "./world.ts";

const [A, B, C] = ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::3]:1"] as const;
const of = (...texts: string[]) => texts.map(endpointOf);
const now = (choice: EndpointChoice) => String(choice.current);

Deno.test("EndpointChoice: the preferred one first, then each alternate in turn, then again", () => {
  const choice = new EndpointChoice(8);
  assert.ok(choice.isUnknown);
  choice.configure(endpointOf(A), of(B, A, C));
  const seen = [now(choice)];
  for (let i = 0; i < 5; i++) {
    choice.tryNext();
    seen.push(now(choice));
  }
  assert.deepEqual(seen, [A, B, C, A, B, C]);
});

Deno.test("EndpointChoice: a first alternate serves where nothing is preferred; nothing known stays unknown", () => {
  const choice = new EndpointChoice(8);
  choice.configure(undefined, []);
  choice.tryNext();
  assert.ok(choice.isUnknown);
  choice.configure(undefined, of(B, C));
  assert.equal(now(choice), B);
  choice.tryNext();
  assert.equal(now(choice), C);
});

Deno.test("EndpointChoice.heardFrom: a proved endpoint stays, and is copied", () => {
  const choice = new EndpointChoice(8);
  choice.configure(endpointOf(A), of(B));
  const from = endpointOf(C);
  choice.heardFrom(from);
  from.bytes.fill(0);
  assert.ok(choice.isProven);
  choice.tryNext();
  assert.equal(now(choice), C);
});

Deno.test("EndpointChoice.configure: the same again does not undo roaming, a new preference does", () => {
  const choice = new EndpointChoice(8);
  choice.configure(endpointOf(A), of(B));
  choice.heardFrom(endpointOf(C));
  choice.configure(endpointOf(A), of(B));
  assert.equal(now(choice), C);
  choice.configure(undefined, of(A));
  assert.equal(now(choice), C);
  choice.configure(endpointOf(B), []);
  assert.equal(now(choice), B);
  assert.equal(choice.isProven, false);
});

Deno.test("EndpointChoice.configure: repeating the configuration does not start the round again", () => {
  const choice = new EndpointChoice(8);
  const seen = [];
  for (let i = 0; i < 4; i++) {
    choice.configure(endpointOf(A), of(B, C));
    seen.push(now(choice));
    choice.tryNext();
  }
  assert.deepEqual(seen, [A, B, C, A]);
});

Deno.test("EndpointChoice.configure: alternates past the limit are ignored", () => {
  const choice = new EndpointChoice(1);
  choice.configure(endpointOf(A), of(B, C));
  const seen = new Set<string>();
  for (let i = 0; i < 6; i++) {
    seen.add(now(choice));
    choice.tryNext();
  }
  assert.deepEqual([...seen], [A, B]);
});

Deno.test("EndpointChoice.changeCount: counts changes and nothing else", () => {
  const choice = new EndpointChoice(8);
  assert.equal(choice.changeCount, 0);
  choice.configure(endpointOf(A), of(B));
  choice.configure(endpointOf(A), of(B));
  assert.equal(choice.changeCount, 1);
  choice.heardFrom(endpointOf(A));
  assert.equal(choice.changeCount, 1);
  choice.heardFrom(endpointOf(C));
  choice.heardFrom(endpointOf(C));
  assert.equal(choice.changeCount, 2);
  choice.configure(endpointOf(B), []);
  assert.equal(choice.changeCount, 3);
});

Deno.test("EndpointChoice.moveTo: the operator's word overrides what the peer proved", () => {
  const choice = new EndpointChoice(1);
  choice.configure(endpointOf(A), []);
  choice.heardFrom(endpointOf(B));
  choice.moveTo(endpointOf(B));
  assert.equal(choice.isProven, true, "it is there");
  choice.moveTo(endpointOf(A));
  assert.deepEqual([now(choice), choice.isProven], [A, false]);
});
