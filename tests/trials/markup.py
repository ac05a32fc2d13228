"""Documents that do more than they say: YAML with tags and aliases, XML with entities.

Enters: a marker that YAML would make, or a folder with a secret that XML would read. Leaves: texts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

#: An address of the block that is reserved for documentation: nobody answers there.
NOBODY = "http://192.0.2.1/evil"


def _laughs(levels: int) -> str:
    """Ten aliases a level, in one flow mapping."""
    lines = ["a0: &a0 [" + ", ".join(["ha"] * 10) + "]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 10) + "]")
    return "{" + ", ".join(lines) + "}"


def _xml_laughs(levels: int) -> str:
    entities = '<!ENTITY a0 "ha">'
    for level in range(1, levels):
        entities += f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">'
    return _ome(f"<!DOCTYPE OME [{entities}]>", f"&a{levels - 1};")


def _ome(before: str, within: str) -> str:
    """A small OME-XML with something before the root and something as the name of the image."""
    pixels = (
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="512" SizeY="512" SizeC="3" '
        'SizeZ="1" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="3"/>'
        '<TiffData IFD="0" PlaneCount="1"/></Pixels>'
    )
    root = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    image = f'<Image ID="Image:0"><Description>{within}</Description>{pixels}</Image>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{before}{root}{image}</OME>'


SOUND_XML = _ome("", "x")
#: Each would call Python, read a file, or grow without measure.
YAML: tuple[tuple[str, Callable[[Path], str]], ...] = (
    ("apply", lambda marker: f"!!python/object/apply:os.mkdir ['{marker}']"),
    ("laughs", lambda marker: _laughs(9)),
    ("new", lambda marker: f"!!python/object/new:os.mkdir ['{marker}']"),
    ("name", lambda marker: "!!python/name:os.system"),
    ("recursion", lambda marker: "&a [*a]"),
    ("module", lambda marker: "!!python/module:os"),
    ("object", lambda marker: "!!python/object:extract.item.WorkItem {key: x}"),
    ("depth", lambda marker: "[" * 50_000 + "]" * 50_000),
    ("tuple", lambda marker: "!!python/tuple [a, b]"),
    ("environment", lambda marker: "!ENV ${HOME}"),
    ("include", lambda marker: "!include /etc/hostname"),
    ("function", lambda marker: f"!!python/object/apply:subprocess.call [[mkdir, '{marker}']]"),
    (
        "merged laughs",
        lambda marker: "{a: &a {x: 1}, b: &b {<<: [" + ", ".join(["*a"] * 3000) + "]}, <<: *b}",
    ),
    ("evaluation", lambda marker: f"!!python/object/apply:eval [\"__import__('os').mkdir('{marker}')\"]"),
    ("long number", lambda marker: "1" * 100_000),
    ("a thousand keys twice", lambda marker: "{" + ", ".join(f"k{n}: 1, k{n}: 2" for n in range(1000)) + "}"),
)
XML: tuple[tuple[str, Callable[[Path], str]], ...] = (
    (
        "file entity",
        lambda outside: _ome(f'<!DOCTYPE OME [<!ENTITY e SYSTEM "file://{outside}/secret.txt">]>', "&e;"),
    ),
    ("laughs", lambda outside: _xml_laughs(10)),
    ("remote entity", lambda outside: _ome(f'<!DOCTYPE OME [<!ENTITY e SYSTEM "{NOBODY}">]>', "&e;")),
    (
        "parameter entity",
        lambda outside: _ome(f'<!DOCTYPE OME [<!ENTITY % p SYSTEM "file://{outside}/evil.dtd"> %p;]>', "&e;"),
    ),
    ("remote document type", lambda outside: _ome(f'<!DOCTYPE OME SYSTEM "{NOBODY}.dtd">', "x")),
    (
        "one long entity, often",
        lambda outside: _ome(f'<!DOCTYPE OME [<!ENTITY e "{"x" * 50_000}">]>', "&e;" * 50_000),
    ),
    (
        "public document type",
        lambda outside: _ome(f'<!DOCTYPE OME PUBLIC "-//X" "file://{outside}/evil.dtd">', "&e;"),
    ),
    (
        "entity of the machine",
        lambda outside: _ome('<!DOCTYPE OME [<!ENTITY e SYSTEM "file:///etc/hostname">]>', "&e;"),
    ),
)
