/**
 * Transport security of listeners and clients: none, TLS, or TLS with certificates on both sides.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ServerCredentials } from "@grpc/grpc-js";

/** What a listener shows and asks for. PEM texts. */
export type ListenCredentials =
  | { readonly kind: "insecure" }
  | {
    readonly kind: "tls";
    /** Certificate chain, leaf first. */
    readonly cert: string;
    readonly key: string;
    /** Who signs client certificates. */
    readonly ca: string;
    /**
     * Whether every client must show a certificate signed by `ca`. Otherwise one that does is known by it, and one
     * that does not is a stranger.
     */
    readonly mtls: boolean;
  };

/** What a client trusts and shows. PEM texts. */
export type RpcCredentials =
  | { readonly kind: "insecure" }
  | {
    readonly kind: "tls";
    /** Who signs server certificates; the system's authorities if left out. */
    readonly ca?: string;
    /** Certificate chain to show, leaf first; given together with `key`. */
    readonly cert?: string;
    readonly key?: string;
  };

/**
 * Credentials as grpc-js takes them. The runtime looks at PEM texts only when a client connects: unusable ones, or a key
 * that is not the certificate's, make every connection fail, so they are checked where the files are read.
 */
export function serverCredentials(credentials: ListenCredentials): ServerCredentials {
  if (credentials.kind === "insecure") return ServerCredentials.createInsecure();
  const [ca, cert, key] = [credentials.ca, credentials.cert, credentials.key].map((pem) => Buffer.from(pem));
  return new TlsServerCredentials({ requestCert: true, rejectUnauthorized: credentials.mtls }, { ca, cert, key });
}

/** The library's own ask for client certificates only where they are a must. */
class TlsServerCredentials extends ServerCredentials {
  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
