/**
 * The only door into the core for plugins and `main.ts`.
 *
 * @module
 */
export { runProgram } from "./cli/program.ts";
export { exitProcess, programArguments } from "./io/process.ts";
