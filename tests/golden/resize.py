#!/usr/bin/python3
"""Write resize.bin.gz: images and what torchvision's Resize makes of them.

Needs torchvision and Debian's dataset-fashion-mnist. Usage: tests/golden/resize.py [OUT]

The file is a row of cases, each five little-endian int32 (count, channels, height, width, side), the
source images and the resized ones, uint8, row by row with the channels innermost. Resized images are
kept as differences (mod 256) down the columns, then along the rows, which gzip packs to half the size.
"""
import gzip
import io
import pathlib
import struct
import sys

import numpy as np
from PIL import Image
from torchvision.transforms import Resize

TEST_IMAGES = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
MODES = {1: "L", 3: "RGB", 4: "CMYK"}  # RGBA would be multiplied by its alpha first


def real_images(first, count):
    with gzip.open(TEST_IMAGES) as f:
        pixels = np.frombuffer(f.read(), np.uint8, offset=16)
    return pixels.reshape(-1, 28, 28, 1)[first : first + count]


def noise(rng, height, width, channels):
    """Half of the pixels black or white: the largest sums and the hardest rounding."""
    pixels = rng.integers(-128, 384, (1, height, width, channels))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def resize(image, side):
    channels = image.shape[2]
    pil = Image.fromarray(image if channels > 1 else image[:, :, 0], MODES[channels])
    return np.asarray(Resize((side, side))(pil)).reshape(side, side, channels)


def write_case(out, images, side):
    count, height, width, channels = images.shape
    resized = np.stack([resize(image, side) for image in images])
    out.write(struct.pack("<5i", count, channels, height, width, side))
    out.write(images.tobytes())
    out.write(np.diff(np.diff(resized, axis=1, prepend=np.uint8(0)), axis=2, prepend=np.uint8(0)).tobytes())


def main():
    rng = np.random.default_rng(1)
    out = io.BytesIO()
    write_case(out, real_images(0, 100), 96)
    for side in (1, 20, 28, 32, 64, 97):
        write_case(out, real_images(200, 4), side)
    for height, width, channels, side in (
        (1, 1, 1, 5), (2, 2, 1, 3), (37, 23, 1, 31), (23, 37, 1, 31), (31, 50, 1, 31), (50, 31, 1, 31),
        (28, 28, 1, 96), (100, 7, 1, 9), (32, 32, 3, 48), (32, 32, 3, 17), (45, 61, 3, 33),
        (9, 10, 4, 12), (200, 3, 1, 3), (3, 200, 1, 3),
    ):
        write_case(out, noise(rng, height, width, channels), side)
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "resize.bin.gz"
    path.write_bytes(gzip.compress(out.getvalue(), 9, mtime=0))


if __name__ == "__main__":
    main()
