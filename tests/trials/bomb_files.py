"""Small files that say they are large, and some that are: the material of the size bombs.

Enters: a path. Leaves: a file of kilobytes or megabytes, or one with a hole, that unpacks to gigabytes. Long
runs of zeros are written as the same deflated block again and again, so that no gigabyte is ever packed here.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

BLOCK = 2**20
#: What every bomb would take at least. Far more than anything here needs, and what a test machine can bear.
LARGE = 3 * 2**30
#: Tag -> type and values of a TIFF page.
Tags = dict[int, tuple[int, tuple[int, ...] | bytes]]


def deflated_zeros(count: int, *, gzip: bool = False) -> bytes:
    """Return a zlib (or gzip) stream of `count` zeros, a multiple of a megabyte; the gzip checksum is 0."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    body = block + again * (count // BLOCK - 1) + packer.flush(zlib.Z_FINISH)
    if gzip:
        return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + struct.pack("<II", 0, count % 2**32)
    adler = (count % 65521) << 16 | 1
    return b"\x78\xda" + body + struct.pack(">I", adler)


def hole(path: Path, size: int = LARGE) -> None:
    """Write a file of zeros that takes no space."""
    with path.open("wb") as stream:
        stream.truncate(size)


def tiff(path: Path, tags: Tags, data: bytes = b"") -> None:
    """Write a classic TIFF of one page by hand: tag -> (type, values); `data` begins at byte 8.

    Types: 1 byte, 2 text, 3 short, 4 long, 5 rational (two values).
    """
    codes = {1: "B", 3: "H", 4: "I", 5: "I"}
    directory = 8 + len(data) + len(data) % 2
    beyond = directory + 2 + 12 * len(tags) + 4
    entries, outside = b"", b""
    for number, (kind, values) in sorted(tags.items()):
        if isinstance(values, bytes):
            packed, count = values, len(values)
        else:
            packed = struct.pack(f"<{len(values)}{codes[kind]}", *values)
            count = len(values) // (2 if kind == 5 else 1)
        if len(packed) <= 4:
            cell = packed.ljust(4, b"\0")
        else:
            cell = struct.pack("<I", beyond + len(outside))
            outside += packed + bytes(len(packed) % 2)
        entries += struct.pack("<HHI", number, kind, count) + cell
    header = struct.pack("<2sHI", b"II", 42, directory)
    page = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    path.write_bytes(header + data + bytes(len(data) % 2) + page + outside)


def rgb_tags(size_px: tuple[int, int], tile_px: int, data: bytes, compression: int = 8) -> Tags:
    """Return the tags of an RGB page in tiles that all are `data`."""
    tiles = -(-size_px[0] // tile_px) * -(-size_px[1] // tile_px)
    shown = min(tiles, 4)
    return {
        256: (4, (size_px[0],)),
        257: (4, (size_px[1],)),
        258: (3, (8, 8, 8)),
        259: (3, (compression,)),
        262: (3, (2,)),
        277: (3, (3,)),
        282: (5, (20000, 1)),
        283: (5, (20000, 1)),
        296: (3, (3,)),
        322: (4, (tile_px,)),
        323: (4, (tile_px,)),
        324: (4, (8,) * shown),
        325: (4, (len(data),) * shown),
    }


def mha(path: Path, size: tuple[int, ...], data: bytes, **fields: object) -> None:
    """Write a MetaImage of shorts with any size and any further fields in its header."""
    header = {
        "ObjectType": "Image",
        "NDims": len(size),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "1 1 3",
        "DimSize": " ".join(map(str, size)),
        "ElementType": "MET_SHORT",
        **fields,
        "ElementDataFile": "LOCAL",
    }
    lines = "".join(f"{key} = {value}\n" for key, value in header.items())
    path.write_bytes(lines.encode("latin-1") + data)


def nifti_header(size: tuple[int, ...], **fields: object) -> bytes:
    """Return the 352 bytes of a NIfTI-1 header of shorts with an sform; `fields` replace what it says.

    Fields: `datatype`, `bitpix`, `pixdim`, `vox_offset`, `slope`, `qform`, `sform`, `rows` (12 numbers of the
    affine), `dims` (all eight numbers), `magic`, `descrip`, `aux_file`, `db_name`, `intent_name`.
    """
    said = {
        "dims": (len(size), *size, *(1,) * (7 - len(size))),
        "datatype": 4,
        "bitpix": 16,
        "pixdim": (1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0),
        "vox_offset": 352.0,
        "slope": 1.0,
        "qform": 0,
        "sform": 1,
        "rows": (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0),
        "magic": b"n+1\0",
        "descrip": b"",
        "aux_file": b"",
        "db_name": b"",
        "intent_name": b"",
        **fields,
    }
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<18s", header, 14, said["db_name"])
    struct.pack_into("<8h", header, 40, *said["dims"])
    struct.pack_into("<2h", header, 70, said["datatype"], said["bitpix"])
    struct.pack_into("<8f", header, 76, *said["pixdim"])
    struct.pack_into("<2f", header, 108, said["vox_offset"], said["slope"])
    header[123] = 2  # mm
    struct.pack_into("<80s24s", header, 148, said["descrip"], said["aux_file"])
    struct.pack_into("<2h", header, 252, said["qform"], said["sform"])
    struct.pack_into("<12f", header, 280, *said["rows"])
    struct.pack_into("<16s", header, 328, said["intent_name"])
    struct.pack_into("<4s", header, 344, said["magic"])
    return bytes(header)
