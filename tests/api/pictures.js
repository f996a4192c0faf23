// Folders of small pictures, made here: PNGs of one colour with noise, so that no two are the same.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { crc32 } from './crc32.js';

export function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

// An RGB PNG; `pixel(x, y)` answers [r, g, b].
export function png(width, height, pixel) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows.set(pixel(x, y), y * (1 + 3 * width) + 1 + 3 * x);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

// Width, height and channels of a PNG, and its bytes unfiltered where all filters are "none" or not asked for.
export function pngFacts(bytes) {
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), channels: bytes[25] === 0 ? 1 : 3 };
}

// The pixels of an 8-bit PNG, filters undone.
export function pngPixels(bytes) {
  const { width, height, channels } = pngFacts(bytes), data = [];
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(data)), row = width * channels, out = Buffer.alloc(row * height);
  for (let y = 0; y < height; y++)
    for (let i = 0; i < row; i++) {
      const a = i >= channels ? out[y * row + i - channels] : 0, b = y ? out[(y - 1) * row + i] : 0;
      const c = y && i >= channels ? out[(y - 1) * row + i - channels] : 0, p = a + b - c;
      const near = Math.abs(p - a) <= Math.abs(p - b) && Math.abs(p - a) <= Math.abs(p - c) ? a : Math.abs(p - b) <= Math.abs(p - c) ? b : c;
      out[y * row + i] = raw[y * (row + 1) + 1 + i] + [0, a, b, (a + b) >> 1, near][raw[y * (row + 1)]];
    }
  return out;
}

// `count` pictures for each class, of 16 x 16.
export function makePictures(folder, count, classes = { red: [200, 40, 40], green: [40, 180, 60], blue: [30, 60, 210] }) {
  for (const [name, colour] of Object.entries(classes)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++)
      writeFileSync(join(folder, name, `${String(i).padStart(4, '0')}.png`),
        png(16, 16, (x, y) => colour.map((v) => v + ((x * 7 + y * 13 + i * 29 + ((x * y * (i + 3)) % 17) * 5) % 55) - 27)));
  }
}
