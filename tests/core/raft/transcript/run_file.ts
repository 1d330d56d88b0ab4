/**
 * Runs one transcript file with the handler that its directives need.
 *
 * @module
 */
import { TranscriptCluster } from "./cluster.ts";
import { confChangeHandler } from "./conf_change.ts";
import { type Handler, type Mismatch, parseTranscript, rewriteTranscript, runTranscript } from "./datadriven.ts";
import { handleQuorum } from "./quorum.ts";

/** For the shortest and the longest of three ticks of patience: what a transcript says must not depend on it. */
const DRAWS = [0, 2];

/** The mismatches of the transcript in `text`. */
export function runTranscriptText(text: string): Mismatch[] {
  return handlersOf(text).flatMap((handler) => runTranscript(text, handler));
}

/** The transcript in `text` with the output that it has now. */
export function rewriteTranscriptText(text: string): string {
  return handlersOf(text).slice(0, 1).reduce((before, handler) => rewriteTranscript(before, handler), text);
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
