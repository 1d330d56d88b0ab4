/**
 * Frames of HTTP/2 (RFC 9113 §4, §6): numbers, and the few that a server sends.
 *
 * @module
 */

/** Bytes in front of each frame's payload. */
export const FRAME_HEADER_BYTES = 9;
/** Payload bytes of one frame, SETTINGS_MAX_FRAME_SIZE; HTTP/2's default, in both directions. */
export const FRAME_BYTES_MAX = 16_384;

/** What a client sends first (§3.4). */
export const PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** §6. */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** §6. */
export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** §7. */
export const ErrorCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** §6.5.2. */
export const Setting = {
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxHeaderListSize: 6,
} as const;

/** One frame with a copy of `payload`. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  putFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** Writes a frame's header at `offset`. */
export function putFrameHeader(
  bytes: Uint8Array,
  offset: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[offset] = length >>> 16;
  bytes[offset + 1] = length >>> 8;
  bytes[offset + 2] = length;
  bytes[offset + 3] = type;
  bytes[offset + 4] = flags;
  putU32(bytes, offset + 5, streamId);
}

/** Four bytes, big-endian. */
export function putU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Four bytes, big-endian, which must be there. */
export function u32At(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 24 | (bytes[offset + 1] ?? 0) << 16 | (bytes[offset + 2] ?? 0) << 8 |
    (bytes[offset + 3] ?? 0)) >>> 0;
}

/** §6.5. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Uint8Array {
  const payload = new Uint8Array(6 * settings.length);
  settings.forEach(([id, value], i) => {
    payload[6 * i + 1] = id;
    putU32(payload, 6 * i + 2, value);
  });
  return frame(FrameType.settings, 0, 0, payload);
}

/** §6.9. */
export function windowUpdateFrame(streamId: number, increment: number): Uint8Array {
  return u32Frame(FrameType.windowUpdate, streamId, increment);
}

/** §6.4. */
export function resetStreamFrame(streamId: number, code: number): Uint8Array {
  return u32Frame(FrameType.resetStream, streamId, code);
}

/** §6.8. */
export function goAwayFrame(lastStreamId: number, code: number): Uint8Array {
  const payload = new Uint8Array(8);
  putU32(payload, 0, lastStreamId);
  putU32(payload, 4, code);
  return frame(FrameType.goAway, 0, 0, payload);
}

function u32Frame(type: number, streamId: number, value: number): Uint8Array {
  const payload = new Uint8Array(4);
  putU32(payload, 0, value);
  return frame(type, 0, streamId, payload);
}
