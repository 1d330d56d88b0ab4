import assert from "node:assert/strict";
import { GSO, GSO_ECN, VIRTIO, writePlainHeader, writeSuperHeader } from "../../../core/dataplane/virtio_header.ts";

Deno.test("writePlainHeader: ten zeros and not one byte more", () => {
  const bytes = new Uint8Array(12).fill(0xa5);
  writePlainHeader(new DataView(bytes.buffer), 1);
  assert.deepEqual([...bytes], [0xa5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa5]);
});

Deno.test("writeSuperHeader: the bytes of struct virtio_net_hdr", () => {
  const bytes = new Uint8Array(VIRTIO.bytes);
  writeSuperHeader(new DataView(bytes.buffer), 0, {
    gsoType: GSO.tcp6 | GSO_ECN,
    gsoBytes: 0x0102,
    headerBytes: 0x0304,
    transportOffset: 0x0506,
    checksumOffset: 0x0708,
  });
  assert.equal(bytes.toHex(), "01840403020106050807");
});
