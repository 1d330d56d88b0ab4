/**
 * Weft: arguments and the list of plugins make a command.
 *
 * @module
 */
import { exitProcess, programArguments, runProgram } from "./core/mod.ts";

if (import.meta.main) exitProcess(await runProgram(programArguments()));
