/**
 * The engine says, word for word, what recorded transcripts say: the field's own suite where it is at hand, and ours.
 */
import assert from "node:assert/strict";
import { describeMismatch } from "./transcript/datadriven.ts";
import { runTranscriptText } from "./transcript/run_file.ts";

const recorded = new URL("../../../../shared/vectors/raft/", import.meta.url);
const own = new URL("../../transcripts/raft/", import.meta.url);

for (const [kind, count] of [["quorum", 4], ["confchange", 9], ["interaction", 16]] as const) {
  const folder = new URL(`${kind}/`, recorded);
  const names = transcripts(folder);
  if (names.length === 0) console.log(`skipped: no recorded ${kind} transcripts at ../shared/vectors/raft/${kind}`);
  Deno.test({
    name: `recorded transcripts: all ${count} ${kind} files are there`,
    ignore: names.length === 0,
    fn: () => assert.equal(names.length, count),
  });
  for (const name of names) testFile(`recorded ${kind}`, folder, name);
}

for (const name of transcripts(own)) testFile("own", own, name);

function testFile(kind: string, folder: URL, name: string): void {
  Deno.test(`${kind} transcript: ${name}`, () => {
    const mismatches = runTranscriptText(Deno.readTextFileSync(new URL(name, folder)));
    assert.equal(mismatches.map(describeMismatch).join("\n"), "");
  });
}

function transcripts(folder: URL): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".txt")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
