/**
 * What to say when an address cannot be bound.
 *
 * @module
 */

/** `host:port`, with brackets around an IPv6 address. */
function addressText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Message and hint for a `ConfigError`. */
export function bindErrorText(host: string, port: number, error: unknown): [message: string, hint: string] {
  const address = addressText(host, port);
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.AddrInUse || text.includes("EADDRINUSE")) {
    return [
      `Cannot listen on ${address}: the address is in use`,
      "Stop the program that listens there, or choose another port.",
    ];
  }
  if (error instanceof Deno.errors.PermissionDenied || text.includes("EACCES")) {
    return [`Cannot listen on ${address}: permission denied`, "Choose a port from 1024 on, or run as root."];
  }
  if (error instanceof Deno.errors.AddrNotAvailable || text.includes("EADDRNOTAVAIL")) {
    return [
      `Cannot listen on ${address}: this host does not have that address`,
      "Choose an address of this host, or [::] for all.",
    ];
  }
  return [`Cannot listen on ${address}: ${text}`, "Choose another address."];
}
