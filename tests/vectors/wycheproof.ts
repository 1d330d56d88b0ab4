/**
 * Reads the Wycheproof collection (C2SP/wycheproof, testvectors_v1), which lies beside the repository and is not part of
 * it.
 *
 * @module
 */

/** One case of any file: fields besides these three are strings of hexadecimal digits. */
export interface WycheproofCase {
  readonly tcId: number;
  readonly result: "valid" | "invalid" | "acceptable";
  readonly flags: readonly string[];
  readonly [field: string]: string | number | readonly string[];
}

interface WycheproofFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly { readonly tests: readonly WycheproofCase[] }[];
}

/** All cases of `<name>_test.json`; `undefined`, and the reason printed, if the collection is not there. */
export function wycheproof(name: string): readonly WycheproofCase[] | undefined {
  const url = new URL(`../../../shared/vectors/wycheproof/${name}_test.json`, import.meta.url);
  let text: string;
  try {
    text = Deno.readTextFileSync(url);
  } catch (error) {
    console.log(`Wycheproof ${name} is skipped: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
  const file: WycheproofFile = JSON.parse(text);
  const cases = file.testGroups.flatMap(({ tests }) => tests);
  if (cases.length !== file.numberOfTests) throw new Error(`Read ${cases.length} of ${file.numberOfTests} cases`);
  return cases;
}

/** The bytes of a case's field. */
export function bytesOf(testCase: WycheproofCase, field: string): Uint8Array {
  return Uint8Array.fromHex(String(testCase[field]));
}
