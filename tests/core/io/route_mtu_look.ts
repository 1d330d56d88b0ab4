/**
 * Prints what {@linkcode RouteMtu} says about the endpoints that it is given, as a JSON array.
 *
 * @module
 */
import { Libc } from "../../../core/io/libc_ffi.ts";
import { RouteMtu } from "../../../core/io/route_mtu_linux.ts";
import { Endpoint } from "../../../core/ip/endpoint.ts";

using libc = Libc.open();
const mtu = new RouteMtu(libc);
console.log(JSON.stringify(Deno.args.map((text) => mtu.to(Endpoint.parse(text) ?? new Endpoint()))));
