#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the odd pictures of the image tests and writes what Pillow makes of them.

    python3 make_images.py

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0), numpy 2. For each picture NAME the pixels of
`Image.open(NAME).convert("RGB")` are written to NAME.ppm; NAME.upright.ppm has EXIF orientation applied,
NAME.white.ppm is laid over white as transformers 5 does. resize.txt lists resizes of made-up pixels and the CRC-32 of
what Pillow makes of them. Pictures drawn here are in the public domain.
"""
import io
import random
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageOps

rng = np.random.default_rng(20260)
W, H = 37, 29


def scene(w=W, h=H, channels=3, top=256):
    """Gradients, an edge, a disc and a little noise."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    out = []
    for c in range(channels):
        v = 0.5 + 0.35 * np.sin(x / w * 5 + c) * np.cos(y / h * (3 + c)) + 0.1 * rng.standard_normal((h, w)) * 0.5
        v = np.where((x - w * 0.6) ** 2 + (y - h * 0.4) ** 2 < (min(w, h) * 0.25) ** 2, (0.9, 0.2, 0.5, 0.4)[c % 4], v)
        v = np.where(x + 2 * y < (w + h) * 0.35, (0.1, 0.6, 0.9, 0.05)[c % 4], v)
        out.append(v)
    return np.clip(np.stack(out, -1) * top, 0, top - 1).astype(np.int64)


def rgb(w=W, h=H):
    return Image.fromarray(scene(w, h).astype(np.uint8), "RGB")


def ppm(path, image):
    with open(path, "wb") as f:
        f.write(b"P6 %d %d 255\n" % image.size + image.tobytes())


def golden(name, upright=False, white=False):
    image = Image.open(name)
    ppm(name + ".ppm", image.convert("RGB"))
    if upright:
        ppm(name + ".upright.ppm", ImageOps.exif_transpose(Image.open(name)).convert("RGB"))
    if white:
        top = Image.open(name).convert("RGBA")
        back = Image.new("RGBA", top.size, (255, 255, 255, 255))
        ppm(name + ".white.ppm", Image.alpha_composite(back, top).convert("RGB"))


# PNG, by hand: Pillow cannot write most of the odd ones.
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples, depth):
    """Filter type 0 and packed samples for each row of [h, w, channels]."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        elif depth == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        rows.append(b"\0" + data)
    return b"".join(rows)


def png(name, samples, depth, color, extra=b"", interlaced=False):
    h, w = samples.shape[:2]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        parts = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in passes]
        raw = b"".join(pack_rows(p, depth) for p in parts if p.size)
    else:
        raw = pack_rows(samples, depth)
    ihdr = struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, int(interlaced))
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + extra)
        f.write(chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def make_png():
    for depth in (1, 2, 4, 8):
        for interlaced in (False, True):
            name = f"grey{depth}{'-interlaced' if interlaced else ''}.png"
            png(name, scene(channels=1, top=1 << depth), depth, 0, interlaced=interlaced)
            golden(name)
    # Pillow clips 16-bit grey at 255, so that it looks white; Duet keeps the high byte.
    grey16 = scene(channels=1, top=1 << 16)
    png("grey16.png", grey16, 16, 0)
    ppm("grey16.png.ppm", Image.fromarray((grey16[..., 0] >> 8).astype(np.uint8), "L").convert("RGB"))
    png("grey8-transparent.png", scene(channels=1), 8, 0, chunk(b"tRNS", struct.pack(">H", 25)))
    golden("grey8-transparent.png", white=True)
    for name, channels, depth, color in (
        ("grey-alpha8.png", 2, 8, 4), ("grey-alpha16.png", 2, 16, 4), ("rgba8.png", 4, 8, 6),
        ("rgba16.png", 4, 16, 6),
    ):  # fmt: skip
        png(name, scene(channels=channels, top=1 << depth), depth, color)
        golden(name, white=True)
    png("rgba8-interlaced.png", scene(channels=4), 8, 6, interlaced=True)
    golden("rgba8-interlaced.png", white=True)
    png("rgb8.png", scene(), 8, 2)
    png("rgb8-interlaced.png", scene(), 8, 2, interlaced=True)
    png("rgb16.png", scene(top=1 << 16), 16, 2)
    png("rgb16-interlaced.png", scene(top=1 << 16), 16, 2, interlaced=True)
    gamma = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"sBIT", bytes([5, 6, 5]))
    png("rgb8-gamma-sbit.png", scene(), 8, 2, gamma)
    for name in ("rgb8", "rgb8-interlaced", "rgb16", "rgb16-interlaced", "rgb8-gamma-sbit"):
        golden(name + ".png")
    for depth in (1, 2, 4, 8):
        size = 1 << depth
        palette = chunk(b"PLTE", rng.integers(0, 256, 3 * size, dtype=np.uint8).tobytes())
        alpha = chunk(b"tRNS", rng.integers(0, 256, max(1, size // 2), dtype=np.uint8).tobytes())
        png(f"palette{depth}.png", scene(channels=1, top=size), depth, 3, palette)
        png(f"palette{depth}-alpha.png", scene(channels=1, top=size), depth, 3, palette + alpha, depth == 4)
        golden(f"palette{depth}.png")
        golden(f"palette{depth}-alpha.png", white=True)
    short = chunk(b"PLTE", rng.integers(0, 256, 30, dtype=np.uint8).tobytes())
    png("palette8-short.png", scene(channels=1), 8, 3, short)
    golden("palette8-short.png")
    png("one-pixel.png", scene(1, 1), 8, 2)
    golden("one-pixel.png")


def save(name, image, **options):
    image.save(name, **options)
    golden(name)


def without_segment(data, marker):
    """The JPEG without its first segment of this kind."""
    at = data.index(marker)
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]


def make_jpeg():
    for label, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        for progressive in (False, True):
            suffix = "-progressive" if progressive else ""
            save(f"rgb-{label}{suffix}.jpg", rgb(), quality=88, subsampling=subsampling, progressive=progressive)
    save("grey.jpg", rgb().convert("L"), quality=90)
    save("grey-progressive.jpg", rgb().convert("L"), quality=90, progressive=True)
    save("restarts.jpg", rgb(), quality=80, restart_marker_blocks=2)
    save("stored-rgb.jpg", rgb(), quality=90, keep_rgb=True)
    save("one-pixel.jpg", rgb(1, 1))
    save("tall.jpg", rgb(3, 70), quality=85, subsampling=2)
    cmyk = Image.fromarray(scene(channels=4).astype(np.uint8), "CMYK")
    save("cmyk.jpg", cmyk, quality=92)
    save("cmyk-progressive.jpg", cmyk, quality=92, progressive=True)
    data = open("cmyk.jpg", "rb").read()
    open("cmyk-no-adobe.jpg", "wb").write(without_segment(data, b"\xff\xee"))
    golden("cmyk-no-adobe.jpg")
    # The transform byte of the Adobe segment says whether the data are CMYK (0) or YCCK (2).
    at = data.index(b"Adobe") + 11
    assert data[at] == 0
    open("ycck.jpg", "wb").write(data[:at] + b"\2" + data[at + 1 :])
    golden("ycck.jpg")
    # A larger one for the reduced reconstructions.
    photo = Image.fromarray(scene(641, 479).astype(np.uint8), "RGB")
    photo = photo.resize((160, 120), Image.Resampling.BICUBIC).resize((641, 479), Image.Resampling.BICUBIC)
    photo.save("photo.jpg", quality=80, subsampling=2)


def exif_with(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def make_orientations():
    image = rgb(16, 11)
    for n in range(1, 9):
        for kind, options in (("jpg", {"quality": 95}), ("png", {}), ("webp", {"lossless": True})):
            name = f"orientation{n}.{kind}"
            image.save(name, exif=exif_with(n), **options)
            golden(name, upright=True)


def riff(*chunks):
    body = b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) & 1) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def u24(n):
    return struct.pack("<I", n)[:3]


def make_webp():
    rgba = Image.fromarray(scene(channels=4).astype(np.uint8), "RGBA")
    save("lossy.webp", rgb(), quality=80)
    save("lossless.webp", rgb(), lossless=True)
    rgba.save("lossy-alpha.webp", quality=75, exact=True)
    rgba.save("lossless-alpha.webp", lossless=True, exact=True)
    golden("lossy-alpha.webp", white=True)
    golden("lossless-alpha.webp", white=True)
    rgb().save("animated.webp", save_all=True, append_images=[rgb(), rgb()], duration=40, quality=70)
    golden("animated.webp")
    # A first frame that covers only a part of the canvas.
    still = io.BytesIO()
    Image.fromarray(scene(20, 14, 4).astype(np.uint8), "RGBA").save(still, "webp", lossless=True, exact=True)
    data = still.getvalue()
    at = data.index(b"VP8L")
    size = struct.unpack("<I", data[at + 4 : at + 8])[0]
    stream = data[at : at + 8 + size + (size & 1)]
    frame = u24(3) + u24(2) + u24(19) + u24(13) + u24(100) + b"\2" + stream
    canvas = b"\x12\0\0\0" + u24(W - 1) + u24(H - 1)
    open("animated-part.webp", "wb").write(
        riff((b"VP8X", canvas), (b"ANIM", b"\xff\xff\xff\xff\0\0"), (b"ANMF", frame))
    )
    golden("animated-part.webp", white=True)


def ascii_(text):
    return text.encode() + b"\0"


def make_metadata():
    exif = Image.Exif()
    exif[0x010E] = "A dog on a beach"
    exif[0x010F] = "Duet"
    exif[0x0110] = "Camera 1"
    exif[0x0112] = 6
    exif[0x9C9B] = "Títle".encode("utf-16-le") + b"\0\0"
    exif[0x9C9E] = "dog;beach".encode("utf-16-le") + b"\0\0"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment"
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>caption</x:xmpmeta>"
    caption = "Ein Hund am Strand, Norderney".encode()
    iptc = b"\x1c\x02\x78" + struct.pack(">H", len(caption)) + caption
    resources = b"8BIM" + struct.pack(">H", 0x03ED) + b"\3abc" + struct.pack(">I", 3) + b"xyz\0"
    resources += b"8BIM" + struct.pack(">H", 0x0404) + b"\0\0" + struct.pack(">I", len(iptc)) + iptc
    resources += b"\0" * (len(iptc) & 1)
    small = rgb(8, 8)
    small.save("metadata.jpg", exif=exif, xmp=xmp)
    data = open("metadata.jpg", "rb").read()
    # In two segments, cut inside the second resource, as files with large blocks have it.
    cut = len(resources) - 20
    parts = b""
    for part in (resources[:cut], resources[cut:]):
        part = b"Photoshop 3.0\0" + part
        parts += b"\xff\xed" + struct.pack(">H", 2 + len(part)) + part
    sof = data.index(b"\xff\xdb")
    open("metadata.jpg", "wb").write(data[:sof] + parts + data[sof:])
    small.save("metadata.webp", exif=exif, xmp=xmp, lossless=True)
    texts = chunk(b"tEXt", b"Title\0" + "Caf\u00e9".encode("latin-1"))
    texts += chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"A long description. " * 20))
    texts += chunk(b"iTXt", b"Comment\0\0\0de\0Kommentar\0" + "日本語".encode())
    texts += chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp))
    texts += chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    png("metadata.png", scene(8, 8), 8, 2, texts)


def make_hostile():
    # The header promises 60,000 x 60,000 pixels.
    ihdr = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    with open("hostile-dimensions.png", "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(bytes(1000))))
        f.write(chunk(b"IEND", b""))
    # 12,000 x 12,000 pixels of one bit: 18 kB here, 432 MB as RGB.
    ihdr = struct.pack(">IIBBBBB", 12000, 12000, 1, 0, 0, 0, 0)
    with open("hostile-bomb.png", "wb") as f:
        data = chunk(b"IDAT", zlib.compress(bytes(1501 * 12000), 9))
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + data + chunk(b"IEND", b""))
    # Texts and profiles that inflate to 32 MB each, and picture data that go on for 8 MB too long.
    bomb = zlib.compress(bytes(32 << 20), 9)
    extra = chunk(b"zTXt", b"Bomb\0\0" + bomb) + chunk(b"iCCP", b"bomb\0\0" + bomb)
    ihdr = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    raw = pack_rows(scene(8, 8), 8) + bytes(8 << 20)
    with open("hostile-chunks.png", "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + extra)
        f.write(chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def made_up(w, h, seed):
    """Bytes that the tests make in the same way: a hash of the index."""
    i = np.arange(3 * w * h, dtype=np.uint64)
    x = (i * 2654435761 + seed * 40503) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 2246822519) & 0xFFFFFFFF
    x ^= x >> 13
    return Image.fromarray((x & 0xFF).astype(np.uint8).reshape(h, w, 3), "RGB")


def make_resizes():
    filters = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
    pick = random.Random(7)
    # Shapes on both sides of Pillow 13's rule for the order of passes, and the usual ones of the models.
    sizes = [
        (1, 1, 1, 1), (1, 1, 7, 5), (5, 7, 1, 1), (2, 2, 3, 3), (640, 480, 298, 224), (333, 500, 224, 336),
        (100, 80, 224, 280), (40, 400, 39, 10), (40, 400, 30, 300), (50, 200, 25, 100), (50, 201, 25, 150),
        (50, 200, 25, 150), (50, 199, 25, 150), (30, 60, 60, 30), (60, 30, 30, 60), (37, 29, 37, 11),
        (37, 29, 11, 29), (37, 29, 37, 29), (3, 300, 5, 7), (300, 3, 7, 5), (4, 90, 3, 9), (1500, 9, 3, 2),
    ]  # fmt: skip
    for _ in range(60):
        sizes.append(tuple(pick.choice((1, 2, 3, 5, 17, 33, 64, 90, pick.randint(1, 120))) for _ in range(4)))
    with open("resize.txt", "w") as f:
        f.write("# width height newWidth newHeight filter seed crc32 (Pillow 13.0.0)\n")
        for seed, (w, h, nw, nh) in enumerate(sizes):
            source = made_up(w, h, seed)
            for name, code in filters.items():
                result = source.resize((nw, nh), code)
                f.write(f"{w} {h} {nw} {nh} {name} {seed} {zlib.crc32(result.tobytes()):08x}\n")


if __name__ == "__main__":
    assert Image.__version__.startswith("13."), "the order of passes is Pillow 13's"
    make_png()
    make_jpeg()
    make_orientations()
    make_webp()
    make_metadata()
    make_hostile()
    make_resizes()
    sys.exit(0)
