"""Where a name can hide in what a hospital hands out: texts, tags, headers, labels, cells, folders.

Enters: a cohort, a case id, a canary (a token that stands for a name, a number or a phrase). Leaves: a raw
file with the canary in it, sound or broken, since a name gets out most easily through an error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.trials.bomb_files import deflated_zeros, mha, nifti_header, rgb_tags, tiff
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.lies import SIZE
from tests.trials.small_cohort import SLIDE_PX, slide_pixels, write_mask, write_slide
from tests.trials.volume_lies import dicom_folder

Plant = Callable[[HostileCohort, str, str], None]
#: TIFF tags that hold text, by name for people.
TAGS = {
    "ImageDescription": 270,
    "Make": 271,
    "Model": 272,
    "Artist": 315,
    "HostComputer": 316,
    "Copyright": 33432,
    "DocumentName": 269,
    "PageName": 285,
    "XMP": 700,
    "a private tag": 65001,
}
APERIO = "Aperio Image Library v10.0\r\n512x512 (256x256) JPEG/RGB|AppMag = 20|MPP = 0.5|Patient = {}|ID = {}"


def _pixels() -> np.ndarray:
    return slide_pixels(np.random.default_rng(8))


def _voxels() -> bytes:
    return np.random.default_rng(9).integers(900, 1500, SIZE).astype("<i2").tobytes()


def note_text(cohort: HostileCohort, case: str, canary: str) -> None:
    cohort.file(f"{case}.txt").write_text(f"Mrs {canary} came for PSA control. {canary}.", encoding="utf-8")
    cohort.add_note(case, f"{case}.txt")


def note_undecodable(cohort: HostileCohort, case: str, canary: str) -> None:
    cohort.file(f"{case}.txt").write_bytes(b"Mrs " + canary.encode() + b" \xff\xff\x80\x00\xfe")
    cohort.add_note(case, f"{case}.txt")


def note_cell(cohort: HostileCohort, case: str, canary: str) -> None:
    text = f'case_id,text,who\n{case},"PSA of {canary} rose",{canary}\n'
    cohort.file(f"{case}.csv").write_text(text, encoding="utf-8")
    cohort.card["note_key"] = "case_id"
    cohort.add_note(case, f"{case}.csv", "text")


def note_ragged_table(cohort: HostileCohort, case: str, canary: str) -> None:
    cohort.file(f"{case}.csv").write_text(f"case_id,text\n{case},x,{canary},{canary}\n", encoding="utf-8")
    cohort.card["note_key"] = "case_id"
    cohort.add_note(case, f"{case}.csv", "text")


def _tagged(name: str) -> Plant:
    def plant(cohort: HostileCohort, case: str, canary: str) -> None:
        text = canary.encode() + b"\0"
        extra = [(TAGS[name], "s" if name not in ("XMP", "a private tag") else "B", len(text), text, True)]
        if name == "ImageDescription":
            write_slide(cohort.file(f"{case}.tif"), _pixels(), description=canary)
        else:
            write_slide(cohort.file(f"{case}.tif"), _pixels(), extratags=extra)
        cohort.add_slide(case, f"{case}.tif")

    plant.__name__ = f"tag_{name}"
    return plant


def slide_without_scale(cohort: HostileCohort, case: str, canary: str) -> None:
    _raw_tiff(cohort, case, canary, {282: (5, (0, 1)), 283: (5, (0, 1))})


def slide_of_one_channel(cohort: HostileCohort, case: str, canary: str) -> None:
    _raw_tiff(cohort, case, canary, {277: (3, (1,)), 258: (3, (8,)), 262: (3, (1,))})


def slide_that_does_not_decode(cohort: HostileCohort, case: str, canary: str) -> None:
    _raw_tiff(cohort, case, canary, {259: (3, (7,))})


def slide_cut(cohort: HostileCohort, case: str, canary: str) -> None:
    _raw_tiff(cohort, case, canary, {})
    path = cohort.file(f"{case}.tif")
    path.write_bytes(path.read_bytes()[:-7])


def aperio(cohort: HostileCohort, case: str, canary: str) -> None:
    write_slide(cohort.file(f"{case}.svs"), _pixels(), mpp=1e4, description=APERIO.format(canary, canary))
    cohort.add_slide(case, f"{case}.svs")


def _associated(name: str) -> Plant:
    """An Aperio slide with a label or macro whose pixels spell the canary."""

    def plant(cohort: HostileCohort, case: str, canary: str) -> None:
        import tifffile

        spelled = np.frombuffer((canary * 4000)[: 64 * 64 * 3].encode(), dtype=np.uint8).reshape(64, 64, 3)
        options: dict[str, Any] = {"photometric": "rgb", "metadata": None, "software": False}
        with tifffile.TiffWriter(cohort.file(f"{case}.svs")) as file:
            file.write(
                _pixels(), tile=(256, 256), compression="jpeg", description=APERIO.format("x", "x"), **options
            )
            text = f"Aperio Image Library v10.0\r\n{name} 64x64 {canary}"
            file.write(spelled, description=text, subfiletype=1 if name == "label" else 9, **options)
        cohort.add_slide(case, f"{case}.svs")

    plant.__name__ = f"aperio_{name}"
    return plant


def ome_xml(cohort: HostileCohort, case: str, canary: str) -> None:
    write_slide(
        cohort.file(f"{case}.ome.tif"), _pixels(), description=_ome(canary, '<Pixels ID="Pixels:0"/>')
    )
    cohort.add_slide(case, f"{case}.ome.tif")


def ome_xml_refused(cohort: HostileCohort, case: str, canary: str) -> None:
    text = f'<!DOCTYPE OME [<!ENTITY e "{canary}">]>' + _ome(canary, "")
    write_slide(cohort.file(f"{case}.ome.tif"), _pixels(), description=text)
    cohort.add_slide(case, f"{case}.ome.tif")


def tissue_mask(cohort: HostileCohort, case: str, canary: str) -> None:
    write_slide(cohort.file(f"{case}.tif"), _pixels())
    write_mask(cohort.file(f"{case}_tissue.tif"), description=canary)
    cohort.add_slide(case, f"{case}.tif", f"{case}_tissue.tif")


def tissue_mask_of_another(cohort: HostileCohort, case: str, canary: str) -> None:
    write_slide(cohort.file(f"{case}.tif"), _pixels())
    write_mask(cohort.file(f"{case}_tissue.tif"), mpp=99.0, description=canary)
    cohort.add_slide(case, f"{case}.tif", f"{case}_tissue.tif")


def _metaimage(**broken: object) -> Plant:
    def plant(cohort: HostileCohort, case: str, canary: str) -> None:
        fields = {"Comment": canary, "PatientName": canary, "0010|0010": canary, **broken}
        fields = {name: canary if value == "CANARY" else value for name, value in fields.items()}
        mha(cohort.file(f"{case}.mha"), SIZE, _voxels(), **fields)
        cohort.add_study(case, {"t2w": f"{case}.mha"})

    plant.__name__ = f"metaimage {broken}"
    return plant


def _nifti(field: str, **broken: object) -> Plant:
    def plant(cohort: HostileCohort, case: str, canary: str) -> None:
        header = nifti_header(SIZE, **{field: canary.encode()}, **broken)
        cohort.file(f"{case}.nii").write_bytes(header + _voxels())
        cohort.add_study(case, {"t2w": f"{case}.nii"})

    plant.__name__ = f"nifti {field} {broken}"
    return plant


def hdf5_attribute(cohort: HostileCohort, case: str, canary: str) -> None:
    import h5py

    with h5py.File(cohort.file(f"{case}.h5"), "w") as file:
        file.create_dataset("image", data=np.random.default_rng(1).integers(0, 900, SIZE[::-1]).astype("<i2"))
        file.attrs["PatientName"] = canary
        file["image"].attrs["comment"] = canary
    cohort.add_study(case, {"t2w": f"{case}.h5"})


def _dicom(**broken: tuple[str, Any]) -> Plant:
    """A folder of DICOM that is named by the canary, as are patient, institution, series and dates."""

    def plant(cohort: HostileCohort, case: str, canary: str) -> None:
        texts = ("PatientName", "PatientID", "InstitutionName", "SeriesDescription", "StudyDate", "StudyID",
                 "AcquisitionDate", "AcquisitionTime", "StudyInstanceUID", "SeriesInstanceUID")  # fmt: skip
        tags: dict[str, Any] = {name: ("LO", canary) for name in texts}
        tags |= {
            name: (kind, canary if value == "CANARY" else value) for name, (kind, value) in broken.items()
        }
        path = dicom_folder(cohort.file(f"{case}/{canary}"), **tags)
        cohort.add_study(case, {"t2w": path.relative_to(cohort.raw).as_posix()})

    plant.__name__ = f"dicom {broken}"
    return plant


def in_folder(cohort: HostileCohort, case: str, canary: str) -> None:
    path = cohort.file(f"{canary}/{canary}/{case}.txt")
    path.write_text("PSA nodule left base.", encoding="utf-8")
    cohort.add_note(case, path.relative_to(cohort.raw).as_posix())


def in_folder_and_gone(cohort: HostileCohort, case: str, canary: str) -> None:
    cohort.add_note(case, f"{canary}/{case}.txt")


def in_folder_and_broken(cohort: HostileCohort, case: str, canary: str) -> None:
    path = cohort.file(f"{canary}/{case}.tif")
    path.write_bytes(b"II*\0 no slide")
    cohort.add_slide(case, path.relative_to(cohort.raw).as_posix(), mpp=0.5)


def in_folder_of_a_volume(cohort: HostileCohort, case: str, canary: str) -> None:
    path = cohort.file(f"{canary}/{case}.mha")
    mha(path, SIZE, _voxels()[:-9])
    cohort.add_study(case, {"t2w": path.relative_to(cohort.raw).as_posix()})


#: Places within files and folders: nothing of them may get out.
PLACES: tuple[Plant, ...] = (
    note_text,
    _tagged("ImageDescription"),
    _metaimage(),
    _dicom(),
    _dicom(PixelSpacing=("LO", "CANARY")),
    in_folder,
    slide_without_scale,
    note_undecodable,
    _nifti("descrip"),
    in_folder_and_gone,
    aperio,
    in_folder_and_broken,
    _metaimage(ElementType="CANARY"),
    note_cell,
    _associated("label"),
    *(_tagged(name) for name in TAGS if name != "ImageDescription"),
    tissue_mask,
    ome_xml_refused,
    _nifti("aux_file"),
    _nifti("db_name"),
    _nifti("intent_name"),
    note_ragged_table,
    slide_that_does_not_decode,
    _metaimage(ElementSpacing="CANARY 1 1"),
    _associated("macro"),
    slide_cut,
    ome_xml,
    in_folder_of_a_volume,
    _dicom(RescaleSlope=("LO", "CANARY")),
    _dicom(PixelData=("OW", b"")),
    _nifti("descrip", datatype=9999),
    slide_of_one_channel,
    tissue_mask_of_another,
    hdf5_attribute,
    _metaimage(DimSize="16 16 CANARY"),
    _nifti("descrip", sform=1, rows=(0.0,) * 12),
)


def in_file_name(cohort: HostileCohort, case: str, canary: str) -> None:
    cohort.file(f"{canary}.txt").write_text("PSA nodule left base.", encoding="utf-8")
    cohort.add_note(case, f"{canary}.txt")


def in_name_of_broken_file(cohort: HostileCohort, case: str, canary: str) -> None:
    cohort.file(f"{canary}.tif").write_bytes(b"II*\0 no slide")
    cohort.add_slide(case, f"{canary}.tif", mpp=0.5)


#: Names of files: messages give them, so that a person finds the file; entries never do.
FILE_NAMES: tuple[Plant, ...] = (in_file_name, in_name_of_broken_file)


def _raw_tiff(cohort: HostileCohort, case: str, canary: str, fields: dict[int, Any]) -> None:
    data = deflated_zeros(2**20)
    tags = rgb_tags((SLIDE_PX, SLIDE_PX), 256, data) | {270: (2, canary.encode() + b"\0")} | fields
    tiff(cohort.file(f"{case}.tif"), tags, data)
    cohort.add_slide(case, f"{case}.tif")


def _ome(canary: str, pixels: str) -> str:
    root = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    who = f'<Experimenter ID="E:0" LastName="{canary}"/>'
    return f'{root}{who}<Image ID="Image:0" Name="{canary}">{pixels}</Image></OME>'


def as_folder(work: Path, canary: str) -> Path:
    """Return a folder that is named by a canary, for the root itself."""
    return work / f"{canary} Archive"
