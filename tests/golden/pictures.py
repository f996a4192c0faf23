#!/usr/bin/python3
"""Write pictures.bin.gz: picture files, and what Pillow makes of them.

Needs Pillow (Debian's python3-pil) alone. Usage: tests/golden/pictures.py [OUT [SEED]]

The file is a row of records. Each has a kind (one byte), a name and a picture file; then, all integers int32
little-endian, and blocks with their length before them:
  D  decoded: width, height, channels, pixels
  P  prepared: channels, size, fit, filter (as the enums count), pixels
  R  refused: the reason
Pixels are uint8, row by row with the channels innermost. They are Pillow's: upright, transparency pasted on white.
Where Pillow is known to be wrong or of another mind, they are computed here; `own` marks these places.
"""
import gzip
import io
import pathlib
import random
import struct
import sys
import zlib

from PIL import Image, ImageOps

FITS, FILTERS = ("crop", "pad", "stretch"), (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
WHITE = (255, 255, 255)


def block(data):
    return struct.pack("<i", len(data)) + data


class Records:
    def __init__(self):
        self.out = io.BytesIO()

    def start(self, kind, name, file):
        self.out.write(kind + block(name.encode()) + block(file))

    def decoded(self, name, file, own=None):
        want = own or upright(file)
        self.start(b"D", name, file)
        self.out.write(struct.pack("<3i", *want.size, len(want.getbands())) + block(want.tobytes()))

    def prepared(self, name, file, channels, size, fit, kernel):
        image = upright(file)
        image = image.convert("L" if channels == 1 else "RGB")
        pixels = fitted(image, size, FITS[fit], FILTERS[kernel]).tobytes()
        self.start(b"P", name, file)
        self.out.write(struct.pack("<4i", channels, size, fit, kernel) + block(pixels))

    def refused(self, name, file, reason):
        self.start(b"R", name, file)
        self.out.write(block(reason.encode()))


def upright(file):
    """What a picture file shows, as L or RGB."""
    image = Image.open(io.BytesIO(file))
    orientation = image.getexif().get(0x0112, 1)
    # own: Pillow opens 16-bit grey with alpha as RGBA.
    grey = image.mode in ("1", "L", "LA") or (image.format == "PNG" and file[25] in (0, 4))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        shown = Image.new("RGB", image.size, WHITE)
        shown.paste(image, mask=image.getchannel("A"))
    else:
        shown = image.convert("RGB")
    shown.getexif()[0x0112] = orientation
    shown = ImageOps.exif_transpose(shown)
    return shown.getchannel("R") if grey else shown


def fitted(image, size, fit, kernel):
    if fit == "crop":
        return ImageOps.fit(image, (size, size), kernel)
    if fit == "stretch":
        return image.resize((size, size), kernel)
    width, height = image.size
    if min(round(width / height * size), round(height / width * size)) >= 1:
        return ImageOps.pad(image, (size, size), kernel)
    # own: Pillow cannot make a picture of no rows; one row it is.
    out = Image.new(image.mode, (size, size))
    at = round((size - 1) / 2)
    if width > height:
        out.paste(image.resize((size, 1), kernel), (0, at))
    else:
        out.paste(image.resize((1, size), kernel), (at, 0))
    return out


def picture(rng, width, height, mode="RGB", noise=24):
    """Soft colours with some noise: something for every coefficient of a JPEG."""
    bands = []
    for _ in range({"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]):
        soft = Image.frombytes("L", (4, 3), rng.randbytes(12)).resize((width, height), Image.Resampling.BICUBIC)
        rough = Image.frombytes("L", (width, height), rng.randbytes(width * height))
        bands.append(Image.blend(soft, rough, noise / 256))
    return Image.merge(mode, bands)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation, order="<"):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + mark + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


# JPEG segments ------------------------------------------------------------------------------------------------------


def segments(jpeg):
    """The segments before the first scan, and the rest."""
    at, found = 2, []
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        found.append(jpeg[at:end])
        at = end
    return found, jpeg[at:]


def without(jpeg, marker):
    found, rest = segments(jpeg)
    return jpeg[:2] + b"".join(s for s in found if s[1] != marker) + rest


def with_segment(jpeg, marker, data):
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + jpeg[2:]


def adobe(transform):
    return b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform)


def with_size(jpeg, width, height):
    """The same with another size in its header."""
    found, rest = segments(jpeg)
    for i, s in enumerate(found):
        if s[1] in (0xC0, 0xC1, 0xC2):
            found[i] = s[:5] + struct.pack(">HH", height, width) + s[9:]
    return jpeg[:2] + b"".join(found) + rest


# PNG, of every kind -------------------------------------------------------------------------------------------------

PER_PIXEL = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_row(samples, depth):
    if depth == 16:
        return struct.pack(">%dH" % len(samples), *samples)
    if depth == 8:
        return bytes(samples)
    bits = "".join(format(s, "0%db" % depth) for s in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def filtered(kind, row, above, step):
    def paeth(a, b, c):
        p = a + b - c
        return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]

    out = bytearray([kind])
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]
        out.append((value - guess) % 256)
    return bytes(out)


def png(rng, rows, colour, depth, interlaced=False, chunks=b"", animated=b""):
    """`rows` of pixels, each a tuple of samples."""
    height, width = len(rows), len(rows[0])
    step = max(1, PER_PIXEL[colour] * depth // 8)
    data = b""
    for x0, y0, dx, dy in PASSES if interlaced else ((0, 0, 1, 1),):
        lines = [row[x0::dx] for row in rows[y0::dy]]
        above = None
        for line in lines if x0 < width else ():
            row = packed_row([s for pixel in line for s in pixel], depth)
            data += filtered(rng.randrange(5), row, above or bytes(len(row)), step)
            above = row
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    packed = zlib.compress(data, 9)
    half = len(packed) // 2
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + animated + chunks + chunk(b"IDAT", packed[:half])
            + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b""))


def samples(rng, width, height, colour, depth):
    most = 1 << depth
    return [[tuple(rng.randrange(most) for _ in range(PER_PIXEL[colour])) for _ in range(width)] for _ in range(height)]


def grey_image(rows, value):
    return Image.frombytes("L", (len(rows[0]), len(rows)), bytes(value(p) for row in rows for p in row))


def over_white(value, alpha):
    return (value * alpha + 255 * (255 - alpha) + 127) // 255


# The cases ----------------------------------------------------------------------------------------------------------


def jpegs(rng, records):
    rgb, grey = picture(rng, 43, 29), picture(rng, 43, 29, "L")
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        records.decoded("jpeg_" + name, saved(rgb, "JPEG", quality=85, subsampling=subsampling))
        records.decoded("jpeg_progressive_" + name, saved(rgb, "JPEG", subsampling=subsampling, progressive=True))
    plain = saved(rgb, "JPEG", quality=60)
    records.decoded("jpeg_optimized", saved(rgb, "JPEG", optimize=True, quality=99))
    records.decoded("jpeg_grey", saved(grey, "JPEG"))
    records.decoded("jpeg_grey_progressive", saved(grey, "JPEG", progressive=True))
    records.decoded("jpeg_one_pixel", saved(rgb.crop((0, 0, 1, 1)), "JPEG"))
    records.decoded("jpeg_trailing_bytes", plain + rng.randbytes(100))
    records.decoded("jpeg_adobe_rgb", with_segment(without(plain, 0xE0), 0xEE, adobe(0)))
    records.decoded("jpeg_two_in_one", plain + saved(grey, "JPEG"))
    cmyk = saved(picture(rng, 31, 26, "CMYK"), "JPEG", quality=90)
    records.decoded("jpeg_cmyk_adobe", cmyk)
    records.decoded("jpeg_cmyk_plain", without(cmyk, 0xEE))
    records.decoded("jpeg_ycck", with_segment(without(cmyk, 0xEE), 0xEE, adobe(2)))
    records.decoded("jpeg_cmyk_turned", with_segment(cmyk, 0xE1, exif(6)))
    for orientation in range(1, 9):
        records.decoded("jpeg_turned_%d" % orientation, saved(rgb, "JPEG", exif=exif(orientation)))
    records.decoded("jpeg_turned_big_endian", saved(rgb, "JPEG", exif=exif(8, ">")))
    records.decoded("jpeg_turned_grey", saved(grey, "JPEG", exif=exif(5)))
    for orientation in (0, 9, 65535):
        records.decoded("jpeg_turned_%d" % orientation, saved(rgb, "JPEG", exif=exif(orientation)))
    records.decoded("jpeg_exif_cut_off", with_segment(plain, 0xE1, exif(6)[:20]), own=upright(plain))
    records.refused("jpeg_60000", with_size(plain, 60000, 60000), "picture_too_large")
    records.refused("jpeg_too_tall", with_size(plain, 43, 2900), "picture_truncated")
    records.refused("jpeg_no_rows", with_size(plain, 43, 0), "picture_damaged")
    records.refused("jpeg_no_end", plain[:-2], "picture_truncated")
    records.refused("jpeg_head_alone", b"\xff\xd8\xff", "picture_truncated")


def pngs(rng, records):
    for colour, depths in ((0, (1, 2, 4, 8)), (2, (8, 16)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            for interlaced in (False, True):
                name = "png_%d_%d%s" % (colour, depth, "_interlaced" * interlaced)
                records.decoded(name, png(rng, samples(rng, 21, 13, colour, depth), colour, depth, interlaced))
    # own: Pillow clips 16-bit grey to 255 when it makes L of it.
    rows = samples(rng, 19, 11, 0, 16)
    records.decoded("png_0_16", png(rng, rows, 0, 16), own=grey_image(rows, lambda p: p[0] >> 8))
    # own: Pillow compares the transparent value with what it has scaled.
    for depth in (1, 2, 4, 8):
        rows = samples(rng, 19, 11, 0, depth)
        key, most = rows[0][0][0], (1 << depth) - 1
        records.decoded("png_grey_key_%d" % depth, png(rng, rows, 0, depth, chunks=chunk(b"tRNS", struct.pack(">H", key))),
                        own=grey_image(rows, lambda p: 255 if p[0] == key else p[0] * 255 // most))
    rows = samples(rng, 19, 11, 0, 16)
    key = rows[3][4][0]
    rows[5][5] = (key ^ 1,)
    records.decoded("png_grey_key_16", png(rng, rows, 0, 16, chunks=chunk(b"tRNS", struct.pack(">H", key))),
                    own=grey_image(rows, lambda p: 255 if p[0] == key else p[0] >> 8))
    rows = samples(rng, 19, 11, 2, 8)
    rows[7][7] = rows[0][0]
    key = chunk(b"tRNS", struct.pack(">3H", *rows[0][0]))
    records.decoded("png_colour_key", png(rng, rows, 2, 8, chunks=key))
    for depth in (1, 2, 4, 8):
        count = 1 << depth
        palette = chunk(b"PLTE", rng.randbytes(3 * count))
        some = chunk(b"tRNS", rng.randbytes(max(1, count // 2)))
        rows = samples(rng, 23, 9, 3, depth)
        records.decoded("png_palette_%d" % depth, png(rng, rows, 3, depth, chunks=palette))
        records.decoded("png_palette_transparent_%d" % depth, png(rng, rows, 3, depth, depth > 2, chunks=palette + some))
    values = bytes(range(256))
    pairs = Image.merge("RGBA", [Image.frombytes("L", (256, 256), values * 256)] * 3
                        + [Image.frombytes("L", (256, 256), b"".join(bytes([v]) * 256 for v in values))])
    composed = Image.alpha_composite(Image.new("RGBA", pairs.size, (*WHITE, 255)), pairs).convert("RGB")
    assert composed.tobytes() == upright(saved(pairs, "PNG")).tobytes()
    records.decoded("png_every_value_and_alpha", saved(pairs, "PNG"))
    rgb = picture(rng, 17, 12)
    for orientation in (1, 2, 3, 4, 5, 6, 7, 8):
        records.decoded("png_turned_%d" % orientation, saved(rgb, "PNG", exif=exif(orientation)))
    plain = saved(rgb, "PNG")
    records.decoded("png_turned_behind", plain[:-12] + chunk(b"eXIf", exif(6, ">")[6:]) + plain[-12:])
    records.decoded("png_trailing_bytes", plain + rng.randbytes(50))
    records.decoded("png_bad_gamma", plain[:33] + chunk(b"gAMA", b"12") + plain[33:], own=rgb)
    records.decoded("png_animation_of_one", png(rng, samples(rng, 5, 5, 2, 8), 2, 8, animated=chunk(b"acTL", struct.pack(">II", 1, 0))))
    frames = [picture(rng, 9, 9), picture(rng, 9, 9)]
    records.refused("png_animation", saved(frames[0], "PNG", save_all=True, append_images=frames[1:]), "picture_animated")
    lie = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    records.refused("png_60000", plain[:8] + lie + plain[33:], "picture_too_large")
    lie = chunk(b"IHDR", struct.pack(">IIBBBBB", 17, 13, 8, 2, 0, 0, 0))
    records.refused("png_too_tall", plain[:8] + lie + plain[33:], "picture_truncated")
    records.refused("png_no_columns", plain[:8] + chunk(b"IHDR", bytes(13)) + plain[33:], "picture_damaged")
    at = plain.index(b"IDAT") + 10
    records.refused("png_bad_checksum", plain[:at] + bytes([plain[at] ^ 1]) + plain[at + 1 :], "picture_damaged")
    records.refused("png_palette_missing", png(rng, samples(rng, 5, 5, 3, 8), 3, 8), "picture_damaged")
    records.refused("png_head_alone", plain[:8], "picture_truncated")


def webps(rng, records):
    rgb, rgba = picture(rng, 37, 27), picture(rng, 37, 27, "RGBA")
    records.decoded("webp_lossy", saved(rgb, "WEBP", quality=70))
    records.decoded("webp_lossless", saved(rgb, "WEBP", lossless=True))
    records.decoded("webp_alpha_lossy", saved(rgba, "WEBP", quality=70))
    records.decoded("webp_alpha_lossless", saved(rgba, "WEBP", lossless=True, exact=True))
    for orientation in (3, 5, 6, 8):
        records.decoded("webp_turned_%d" % orientation, saved(rgb, "WEBP", quality=70, exif=exif(orientation)))
    records.decoded("webp_turned_bare_exif", saved(rgb, "WEBP", quality=70, exif=exif(7)[6:]))
    plain = saved(rgb, "WEBP", quality=70)
    frames = [picture(rng, 9, 9), picture(rng, 9, 9)]
    records.refused("webp_animation", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]), "picture_animated")
    records.refused("webp_head_alone", plain[:12], "picture_truncated")


def others(rng, records):
    rgb = picture(rng, 8, 8)
    records.refused("empty", b"", "picture_empty")
    records.refused("one_byte", b"\xff", "picture_unknown")
    records.refused("text", b"Not a picture, but a note about one.\n", "picture_unknown")
    records.refused("noise", b"\x07" + rng.randbytes(2000), "picture_unknown")
    for kind in ("GIF", "BMP", "TIFF", "PDF", "JPEG2000", "ICO"):
        records.refused(kind.lower(), saved(rgb, kind), "picture_format")
    records.refused("svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "picture_format")
    records.refused("svg_bare", b"\xef\xbb\xbf <svg width='1'></svg>", "picture_format")
    records.refused("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "picture_format")
    records.refused("avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "picture_format")


def fits(rng, records):
    shapes = ((37, 23), (23, 37), (24, 24), (61, 20), (20, 61), (1, 1), (2, 3), (150, 3), (3, 150), (32, 31), (60, 45))
    for width, height in shapes:
        for fit in range(3):
            kernel, channels = rng.randrange(2), rng.choice((1, 3))
            size = rng.choice((8, 13, 24, 32))
            file = saved(picture(rng, width, height, rng.choice(("L", "RGB")), noise=200), "PNG")
            records.prepared("fit_%dx%d_%s" % (width, height, FITS[fit]), file, channels, size, fit, kernel)
    file = saved(picture(rng, 160, 119, noise=120), "JPEG", quality=70)
    for kernel in range(2):
        for fit in range(3):
            records.prepared("fit_photo_%s_%d" % (FITS[fit], kernel), file, 3, 40, fit, kernel)
    # Black and white: the largest sums, and what a filter with negative weights overshoots.
    file = saved(Image.frombytes("1", (72, 40), rng.randbytes(360)), "PNG")
    for size in (16, 50, 72):
        for kernel in range(2):
            records.prepared("fit_black_white_%d_%d" % (size, kernel), file, 1, size, 2, kernel)
    records.prepared("fit_turned", saved(picture(rng, 51, 34), "JPEG", exif=exif(6)), 3, 24, 1, 1)
    records.prepared("fit_cmyk_to_grey", saved(picture(rng, 31, 26, "CMYK"), "JPEG"), 1, 24, 0, 0)


def main():
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    records = Records()
    for add in (jpegs, pngs, webps, others, fits):
        add(rng, records)
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "pictures.bin.gz"
    path.write_bytes(gzip.compress(records.out.getvalue(), 9, mtime=0))


if __name__ == "__main__":
    main()
