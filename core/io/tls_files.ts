/**
 * TLS material from the files the operator named.
 *
 * @module
 */
import { ConfigError } from "../plugin/errors.ts";

/** A PEM file longer than this is refused. */
export const PEM_FILE_BYTES_MAX = 1024 * 1024;

/** Certificate chain, private key and certificate authority, PEM texts. Never logged. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Reads the three files.
 *
 * @throws {ConfigError} Naming the option and file that is missing, unreadable or not PEM of the right kind.
 */
export async function loadTlsFiles(
  files: { readonly certFile: string; readonly keyFile: string; readonly caFile: string },
): Promise<TlsMaterial> {
  return {
    cert: await readPem("tls-cert-file", files.certFile, "CERTIFICATE"),
    key: await readPem("tls-key-file", files.keyFile, "PRIVATE KEY"),
    ca: await readPem("tls-ca-file", files.caFile, "CERTIFICATE"),
  };
}

async function readPem(option: string, path: string, label: string): Promise<string> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > PEM_FILE_BYTES_MAX) throw new RangeError(`longer than ${PEM_FILE_BYTES_MAX} bytes`);
    text = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`Cannot read --${option} "${path}": ${why}`);
  }
  if (!new RegExp(`-----BEGIN (?:[A-Z]+ )?${label}-----`).test(text)) {
    throw new ConfigError(`Cannot use --${option} "${path}": it holds no PEM block of kind ${label}`);
  }
  return text;
}
