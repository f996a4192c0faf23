#!/usr/bin/python3
"""What bench_prepare does, by Pillow: prepare.py SIZE crop|pad|stretch bilinear|bicubic FILE..."""
import io
import sys
import time

from PIL import Image, ImageOps

SECONDS = 3


def decoded(file):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        shown = Image.new("RGB", image.size, (255, 255, 255))
        shown.paste(image, mask=image.getchannel("A"))
        return shown
    return image.convert("RGB")


def fitted(image, size, fit, kernel):
    if fit == "crop":
        return ImageOps.fit(image, (size, size), kernel)
    if fit == "pad":
        return ImageOps.pad(image, (size, size), kernel)
    return image.resize((size, size), kernel)


def picture_ms(files, work):
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        for file in files:
            work(file)
            done += 1
    return (time.process_time() - start) * 1e3 / done


def main():
    size, fit, kernel = int(sys.argv[1]), sys.argv[2], Image.Resampling[sys.argv[3].upper()]
    files = [open(name, "rb").read() for name in sys.argv[4:]]
    both = picture_ms(files, lambda f: fitted(decoded(f), size, fit, kernel))
    decode = picture_ms(files, decoded)
    print("%d files, %d, %s, %s: %.1f pictures/s; %.3f ms each, of which decoding %.3f ms"
          % (len(files), size, fit, sys.argv[3], 1e3 / both, both, decode))


if __name__ == "__main__":
    main()
