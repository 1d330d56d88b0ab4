/**
 * Runs Raft transcripts by hand: `deno task test:raft-transcripts DIR…` says for every `.txt` file in the
 * directories whether the engine still says what is written there, and how not. With `--rewrite` before the directories
 * it writes down what the engine says now; read the difference before keeping it.
 *
 * @module
 */
import { describeMismatch } from "./core/raft/transcript/datadriven.ts";
import { rewriteTranscriptText, runTranscriptText } from "./core/raft/transcript/run_file.ts";

const rewrite = Deno.args[0] === "--rewrite";
let files = 0;
let failed = 0;
for (const directory of Deno.args.slice(rewrite ? 1 : 0)) {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.endsWith(".txt")).sort();
  files += names.length;
  for (const name of names) {
    const path = `${directory}/${name}`;
    if (rewrite) Deno.writeTextFileSync(path, rewriteTranscriptText(Deno.readTextFileSync(path)));
    const mismatches = runTranscriptText(Deno.readTextFileSync(path));
    console.log(`${mismatches.length === 0 ? "ok  " : "FAIL"} ${path}`);
    for (const mismatch of mismatches) console.log(describeMismatch(mismatch));
    if (mismatches.length > 0) failed++;
  }
}
if (files === 0) console.log("no transcripts: give one or more directories with .txt files");
else console.log(failed === 0 ? `all ${files} agree` : `${failed} of ${files} disagree`);
Deno.exit(failed === 0 && files > 0 ? 0 : 1);
