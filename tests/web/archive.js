// Zip archives and pictures for the tests of data sets, made here.
import { crc32 } from '../api/crc32.js';
import { png } from '../api/pictures.js';

/** A zip of [[path, bytes]], nothing compressed. */
export function zip(files) {
  const parts = [], entries = [];
  let at = 0;
  for (const [path, bytes] of files) {
    const name = Buffer.from(path), head = Buffer.alloc(30), entry = Buffer.alloc(46);
    head.writeUInt32LE(0x04034b50, 0);
    entry.writeUInt32LE(0x02014b50, 0);
    // Version 2.0, names in UTF-8.
    head.set([20, 0, 0, 8], 4);
    entry.set([20, 0, 20, 0, 0, 8], 4);
    for (const [to, offset] of [[head, 14], [entry, 16]]) {
      to.writeUInt32LE(crc32(bytes), offset);
      to.writeUInt32LE(bytes.length, offset + 4);
      to.writeUInt32LE(bytes.length, offset + 8);
      to.writeUInt16LE(name.length, offset + 12);
    }
    entry.writeUInt32LE(at, 42);
    parts.push(head, name, bytes);
    entries.push(entry, name);
    at += 30 + name.length + bytes.length;
  }
  const directory = Buffer.concat(entries), end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed) {
  let state = seed + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** A picture of discs in front of a gradient; each seed makes another. */
export function discs(seed, colour, width = 40, height = 40) {
  const next = random(seed * 7919 + 17), base = colour.map((v) => v * (0.4 + 0.4 * next()));
  const slope = [next() - 0.5, next() - 0.5];
  const all = Array.from({ length: 5 }, () => ({ x: next() * width, y: next() * height, r: width * (0.08 + 0.2 * next()), colour: colour.map((v) => v * next() + 60 * next()) }));
  return png(width, height, (x, y) => {
    const disc = all.find((d) => (x - d.x) ** 2 + (y - d.y) ** 2 < d.r ** 2);
    const from = disc ? disc.colour : base.map((v) => v + 160 * (slope[0] * (x / width - 0.5) + slope[1] * (y / height - 0.5)));
    return from.map((v) => Math.max(0, Math.min(255, Math.round(v))));
  });
}
