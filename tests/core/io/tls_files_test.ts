import assert from "node:assert/strict";
import { loadTlsFiles, PEM_FILE_BYTES_MAX } from "../../../core/io/tls_files.ts";
import { ConfigError } from "../../../core/plugin/errors.ts";

const CERT = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";

Deno.test("loadTlsFiles: reads three PEM files and refuses anything else by name", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const [certFile, keyFile, textFile, hugeFile] = ["cert", "key", "text", "huge"].map((name) => `${dir}/${name}.pem`);
    assert(certFile && keyFile && textFile && hugeFile);
    await Deno.writeTextFile(certFile, CERT);
    await Deno.writeTextFile(keyFile, KEY);
    await Deno.writeTextFile(textFile, "not PEM");
    await Deno.writeTextFile(hugeFile, CERT.padEnd(PEM_FILE_BYTES_MAX + 1));
    const good = { certFile, keyFile, caFile: certFile };
    assert.deepEqual(await loadTlsFiles(good), { cert: CERT, key: KEY, ca: CERT });
    const refused: [Partial<typeof good>, RegExp][] = [
      [{ certFile: `${dir}/none` }, /--tls-cert-file/],
      [{ keyFile: certFile }, /--tls-key-file .*PRIVATE KEY/],
      [{ caFile: textFile }, /--tls-ca-file .*CERTIFICATE/],
      [{ caFile: hugeFile }, /longer than/],
    ];
    for (const [change, pattern] of refused) {
      await assert.rejects(
        loadTlsFiles({ ...good, ...change }),
        (error) => error instanceof ConfigError && pattern.test(error.message),
      );
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
