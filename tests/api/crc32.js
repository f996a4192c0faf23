// CRC-32 as PNG and zip have it: zlib's, which Debian 12's Node does not offer, or a plain loop.
import * as zlib from 'node:zlib';

export const crc32 = zlib.crc32 ?? ((bytes) => {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let i = 0; i < 8; i++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
});
