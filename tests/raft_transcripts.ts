/**
 * Runs Raft transcripts by hand: `deno run -A tests/raft_transcripts.ts DIR…` says for every `.txt` file in the
 * directories whether the engine still says what is written there, and how not.
 *
 * @module
 */
import { describeMismatch } from "./core/raft/transcript/datadriven.ts";
import { runTranscriptText } from "./core/raft/transcript/run_file.ts";

let failed = 0;
for (const directory of Deno.args) {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.endsWith(".txt")).sort();
  for (const name of names) {
    const mismatches = runTranscriptText(Deno.readTextFileSync(`${directory}/${name}`));
    console.log(`${mismatches.length === 0 ? "ok  " : "FAIL"} ${directory}/${name}`);
    for (const mismatch of mismatches) console.log(describeMismatch(mismatch));
    if (mismatches.length > 0) failed++;
  }
}
console.log(failed === 0 ? "all agree" : `${failed} file(s) disagree`);
Deno.exit(failed === 0 ? 0 : 1);
