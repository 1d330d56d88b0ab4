/**
 * The house rules that one file at a time can break, as a plugin of `deno lint` (named in `deno.json`).
 *
 * Rules that need the whole tree are in `tree/`. Every rule has a fixture under `fixtures/rules/` that must fail.
 *
 * @module
 */
import { alarm, clock, io } from "./rules/authority.ts";
import { exportDoc, moduleDoc } from "./rules/docs.ts";
import { doors, ranks } from "./rules/imports.ts";
import { noAny, noBang, noCastChain, noDefaultExport, noEnum, noExportStar } from "./rules/shape.ts";
import { noModuleState, silentImport } from "./rules/silence.ts";

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    alarm,
    clock,
    doors,
    "export-doc": exportDoc,
    io,
    "module-doc": moduleDoc,
    "no-any": noAny,
    "no-bang": noBang,
    "no-cast-chain": noCastChain,
    "no-default-export": noDefaultExport,
    "no-enum": noEnum,
    "no-export-star": noExportStar,
    "no-module-state": noModuleState,
    ranks,
    "silent-import": silentImport,
  },
};

export default plugin;
