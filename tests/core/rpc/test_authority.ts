/**
 * A certificate authority for tests, made with the `openssl` program.
 *
 * @module
 */

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Why there can be no test authority; `undefined` if there can. */
export function authorityProblem(): string | undefined {
  try {
    const { success } = new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync();
    return success ? undefined : "the openssl program does not work";
  } catch {
    return "there is no openssl program";
  }
}

/** Signs certificates until it is disposed. */
export class TestAuthority implements Disposable {
  readonly #folder: string;
  /** The authority's own certificate, PEM. */
  readonly ca: string;

  constructor(name: string) {
    this.#folder = Deno.makeTempDirSync({ prefix: "weft-ca-" });
    this.#openssl(["req", "-x509", ...newKey("ca"), "-out", "ca.pem", "-days", "2", "-subj", `/CN=${name}`]);
    this.ca = this.#read("ca.pem");
  }

  /** @param alternativeNames Such as `IP:127.0.0.1,DNS:localhost`. */
  certificate(commonName: string, alternativeNames: string): Certificate {
    const [extensions, request, cert] = ["leaf.ext", "leaf.csr", "leaf.pem"];
    Deno.writeTextFileSync(`${this.#folder}/${extensions}`, `subjectAltName=${alternativeNames}\n`);
    this.#openssl(["req", ...newKey("leaf"), "-out", request, "-subj", `/CN=${commonName}`]);
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    this.#openssl(["x509", "-req", "-in", request, ...signer, "-extfile", extensions, "-out", cert]);
    return { cert: this.#read(cert), key: this.#read("leaf.key") };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #openssl(args: string[]): void {
    const { success, stderr } = new Deno.Command("openssl", { args, cwd: this.#folder }).outputSync();
    if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  }

  #read(name: string): string {
    return Deno.readTextFileSync(`${this.#folder}/${name}`);
  }
}

function newKey(name: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
}
