/**
 * Transport security of listeners and clients: none, TLS, or TLS with certificates on both sides.
 *
 * The runtime looks at PEM texts only when a client connects: unusable ones, or a key that is not the certificate's, make
 * every connection fail, so they are checked where the files are read.
 *
 * @module
 */
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
