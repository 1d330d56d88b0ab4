/**
 * Weft: arguments and the list of plugins make a command.
 *
 * @module
 */
import { exitProcess, processSurroundings, programArguments, runProgram } from "./core/mod.ts";
import { plugins } from "./plugins/mod.ts";

if (import.meta.main) exitProcess(await runProgram(programArguments(), processSurroundings(plugins)));
