"""What a TIFF claims about itself is judged by its tags, before any decoder allocates for it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from extract.limits import MOST_XML_CHARACTERS
from extract.slides.reader import open_slide
from extract.slides.tissue_mask import check_mask
from feature_cache.errors import SourceError
from tests.extract.slides.pyramids import colour_noise, write_pyramid

ENTITY = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a SYSTEM "file:///etc/hostname">]><OME>&a;</OME>'
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><OME>&c;</OME>'
)
PIXELS = np.zeros((64, 64, 3), dtype=np.uint8)


def slide(path: Path, page: int = 0, **tags: object) -> Path:
    """Write a sound pyramid of two levels and overwrite tags of one page."""
    write_pyramid(path, colour_noise(256, 256), steps=(1, 2))
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name, value in tags.items():
            file.pages[page].tags[name].overwrite(value)
    return path


def described(path: Path, description: str, **options: object) -> Path:
    tifffile.imwrite(
        path, PIXELS, tile=(64, 64), photometric="rgb", description=description, metadata=None, **options
    )
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        open_slide(path)
    assert caught.value.where == path.name
    return f"{caught.value.expected} | {caught.value.got}"


@pytest.mark.parametrize("suffix", [".tif", ".svs"])
@pytest.mark.parametrize(
    ("tags", "field", "got"),
    [
        ({"ImageWidth": 0}, "ImageWidth", "0"),
        ({"ImageLength": 2**31}, "ImageLength", "2,147,483,648"),
        ({"ImageWidth": 2**32 - 1}, "ImageWidth", "4,294,967,295"),
        ({"TileWidth": 2**20, "TileLength": 2**20}, "TileWidth x TileLength", "1,048,576 x 1,048,576 pixels"),
        ({"TileLength": 0}, "TileWidth x TileLength", "128 x 0 pixels, 0 bytes"),
        ({"TileWidth": 0}, "TileWidth x TileLength", "0 x 128 pixels, 0 bytes"),
    ],
)
@pytest.mark.parametrize("page", [0, 1])
def test_sizes_that_cannot_be_are_refused_by_name(
    tmp_path: Path, suffix: str, tags: dict[str, int], field: str, got: str, page: int
) -> None:
    found = refusal(slide(tmp_path / f"a{suffix}", page, **tags))
    assert f"({field})" in found
    assert got in found.split(" | ")[1]


def test_samples_count_among_the_bytes_of_a_tile(tmp_path: Path) -> None:
    found = refusal(slide(tmp_path / "a.tif", TileWidth=16_384, TileLength=32_768))
    assert found.endswith("16,384 x 32,768 pixels, 1,610,612,736 bytes")


def test_a_strip_as_large_as_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, photometric="rgb", rowsperstrip=64, metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages[0].tags[name].overwrite(30_000)
    assert refusal(path) == (
        "pieces of at most 1,073,741,824 bytes (RowsPerStrip) | 30,000 x 30,000 pixels, 2,700,000,000 bytes"
    )


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".svs"])
@pytest.mark.parametrize(
    ("text", "kind"), [(ENTITY, "DTDForbidden"), (LAUGHS, "DTDForbidden"), (f"\n {LAUGHS}", "DTDForbidden")]
)
def test_xml_with_a_document_type_is_refused_before_it_is_parsed(
    tmp_path: Path, suffix: str, text: str, kind: str
) -> None:
    found = refusal(described(tmp_path / f"a{suffix}", text))
    assert found == f"plain XML (ImageDescription) | a document type or entities ({kind})"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_so_is_that_of_the_xmp_tag_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    xmp = LAUGHS.replace("?>", f' encoding="{encoding}"?>', 1).encode(encoding)
    path = described(tmp_path / "a.tif", "", extratags=[(700, 1, len(xmp), xmp, True)])
    assert refusal(path).startswith("plain XML (XMP)")


def test_megabytes_of_xml_are_refused_unparsed(tmp_path: Path) -> None:
    text = "<OME>" + "x" * MOST_XML_CHARACTERS + "</OME>"
    assert refusal(described(tmp_path / "a.tif", text)) == (
        "at most 33,554,432 characters of XML (ImageDescription) | 33,554,443"
    )


@pytest.mark.parametrize("text", ["Aperio Image Library\r\n1x1 <b", "<not xml", "<OME/>", "plain words"])
def test_other_texts_are_let_pass(tmp_path: Path, text: str) -> None:
    with open_slide(described(tmp_path / "a.tif", text)) as opened:
        assert opened.size_px0 == (64, 64)


def ome(uuid: str, file_name: str, own: str = "") -> str:
    """OME-XML of one plane that lies in the file of this UUID and name."""
    return (
        f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {own}>'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="64" SizeY="64"'
        ' SizeC="3" SizeZ="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="3"/>'
        f'<TiffData IFD="0" PlaneCount="1"><UUID FileName="{file_name}">{uuid}</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )


def test_an_ome_tiff_never_shows_another_file(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    described(tmp_path / "secret.tif", "")
    for name in ("../secret.tif", str(tmp_path / "secret.tif"), "absent.ome.tif"):
        path = described(tmp_path / "root/a.ome.tif", ome("urn:uuid:other", name, 'UUID="urn:uuid:own"'))
        assert refusal(path) == (
            "an OME-TIFF whole in its file (UUID of TiffData) | one that refers to another file"
        )


@pytest.mark.parametrize(
    "text", [ome("urn:uuid:own", "before.ome.tif", 'UUID="urn:uuid:own"'), ome("urn:uuid:own", "A.ome.tif")]
)
def test_an_ome_tiff_may_name_itself(tmp_path: Path, text: str) -> None:
    with open_slide(described(tmp_path / "a.ome.tif", text)) as opened:
        assert opened.size_px0 == (64, 64)


def test_a_micro_manager_stack_is_refused(tmp_path: Path) -> None:
    told = '{"Summary": {}, "IndexMap": []}'
    path = described(tmp_path / "a.tif", "", extratags=[(51123, 2, len(told) + 1, told, True)])
    assert "Micro-Manager stack (tag 51123)" in refusal(path)


def test_a_ring_of_pages_has_an_end(tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "a.tif", colour_noise(256, 256), steps=(1, 2))
    with tifffile.TiffFile(path) as file:
        first, second = (page.offset for page in file.pages)
        tags = len(file.pages[1].tags)
    content = bytearray(path.read_bytes())
    end = second + 2 + 12 * tags
    content[end : end + 4] = first.to_bytes(4, "little")
    path.write_bytes(content)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 2


def test_a_resolution_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, photometric="rgb", resolution=(1, 1), resolutionunit="INCH", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["XResolution"].overwrite((7, 0))
    assert refusal(path) == "a resolution (XResolution) that is a number | 7/0"


@pytest.mark.parametrize(
    ("tags", "field"),
    [({"ImageWidth": 2**31}, "ImageWidth"), ({"ImageWidth": 2**20, "ImageLength": 2**20}, "a level of")],
)
def test_a_mask_that_cannot_be_is_refused_before_it_is_read(
    tmp_path: Path, tags: dict[str, int], field: str
) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, np.ones((64, 64), dtype=np.uint8), tile=(64, 64), metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name, value in tags.items():
            file.pages[0].tags[name].overwrite(value)
    with pytest.raises(SourceError, match=f"mask of a.*{field}"):
        check_mask(path, "mask of a", (64.0, 64.0))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("where", ["first", "second", "sub"])
def test_a_tag_of_gigabytes_is_refused_before_a_library_loads_it(
    tmp_path: Path, big: bool, where: str
) -> None:
    path = tmp_path / "a.svs"
    with tifffile.TiffWriter(path, bigtiff=big) as writer:
        writer.write(PIXELS, photometric="rgb", subifds=1, description="a picture", metadata=None)
        writer.write(PIXELS[::2, ::2], photometric="rgb", description="a level", subfiletype=1, metadata=None)
        writer.write(PIXELS, photometric="rgb", description="another", metadata=None)
    with tifffile.TiffFile(path) as file:
        first, second = file.pages
        tag = {"first": first, "second": second, "sub": first.pages[0]}[where].tags[270]
        place, form = tag.offset + 4, "<Q" if big else "<I"
    with path.open("r+b") as stream:
        stream.seek(place)
        stream.write(struct.pack(form, 3 * 2**30))
        stream.truncate(4 * 2**30)
    assert refusal(path) == "tags of at most 134,217,728 bytes | ImageDescription (270) of 3,221,225,472"
