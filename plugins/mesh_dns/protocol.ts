/**
 * Numbers of DNS: record types, response codes, header bits, sizes (RFC 1035, RFC 6891, RFC 8945).
 *
 * @module
 */

/** Record types that are answered, or treated in a way of their own. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
} as const;

/** Response codes; from 16 on they need EDNS or TSIG. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  BADVERS: 16,
} as const;

/** Class IN, and the class that asks for all. */
export const CLASS_IN = 1;
/** QCLASS `*`. */
export const CLASS_ANY = 255;
/** QCLASS NONE, which only updates use; TSIG and OPT have their own use of the field. */
export const OPCODE_QUERY = 0;

/** Bits of the second 16-bit word of a message. */
export const FLAG_QR = 0x8000;
/** Authoritative answer. */
export const FLAG_AA = 0x0400;
/** Truncated. */
export const FLAG_TC = 0x0200;
/** Recursion desired. */
export const FLAG_RD = 0x0100;
/** Recursion available. */
export const FLAG_RA = 0x0080;
/** Checking disabled (RFC 4035 §3.2.2). */
export const FLAG_CD = 0x0010;
/** Where the opcode is. */
export const OPCODE_MASK = 0x7800;

/** Bytes of the header. */
export const HEADER_BYTES = 12;
/** Bytes of a name as it is sent (RFC 1035 §3.1). */
export const NAME_BYTES_MAX = 255;
/** Bytes of one label. */
export const LABEL_BYTES_MAX = 63;
/** What every UDP client takes (RFC 1035 §4.2.1). */
export const UDP_BYTES_MIN = 512;
/** What this server sends and takes in one datagram: crosses every path with an MTU of 1280 in one piece. */
export const UDP_BYTES_MAX = 1232;
/** What the length in front of a message on TCP can say. */
export const TCP_BYTES_MAX = 65_535;
/** The DO bit of EDNS (RFC 3225). */
export const EDNS_DO = 0x8000;

/** The name of a response code, as dig shows it, for metrics. */
export function rcodeName(rcode: number): string {
  return Object.entries(RCODE).find(([, value]) => value === rcode)?.[0] ?? String(rcode);
}
