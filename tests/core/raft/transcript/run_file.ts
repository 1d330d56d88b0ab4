/**
 * Runs one transcript file with the handler that its directives need.
 *
 * @module
 */
import { TranscriptCluster } from "./cluster.ts";
import { confChangeHandler } from "./conf_change.ts";
import { type Handler, type Mismatch, parseTranscript, runTranscript } from "./datadriven.ts";
import { handleQuorum } from "./quorum.ts";

/** Extremes of the random source: what a transcript says must not depend on what the members draw. */
const DRAWS = [0, 2 ** 32 - 1];

/** The mismatches of the transcript in `text`. */
export function runTranscriptText(text: string): Mismatch[] {
  return handlersOf(text).flatMap((handler) => runTranscript(text, handler));
}

function handlersOf(text: string): Handler[] {
  switch (parseTranscript(text)[0]?.command) {
    case "committed":
    case "vote":
      return [handleQuorum];
    case "simple":
    case "enter-joint":
    case "leave-joint":
      return [confChangeHandler()];
    default:
      return DRAWS.map((drawn) => {
        const cluster = new TranscriptCluster(drawn);
        return (directive) => cluster.handle(directive);
      });
  }
}
