"""The b-value of an image, wherever its maker keeps it, and whether it was measured or calculated.

Enters: the tags of an image. Leaves: a `Diffusion`. Order: the standard's DiffusionBValue, the maker's own
tag, the name that Siemens gives the sequence (`*ep_b800t`). A calculated image (Siemens CALC_BVAL) names the
measured b-values in that name: they are not its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from extract.volumes.dicom_tags import Tags

#: GE adds multiples of this to mark how the direction is told (dcm2niix #149).
_GE_OFFSET = 100_000
_SIEMENS_NAME = re.compile(r"_B(\d+)(?![\d_])")
_CALCULATED = re.compile(r"CALC_?BVAL|CALCULATED|SYNTHETIC|COMPUTED")
_ADC = re.compile(r"(^|[^A-Z])ADC(?![A-Z])")
#: Exponential maps and the errors of the fit are no ADC.
_NOT_ADC = re.compile(r"EADC|EXP|ERR|FIT")


@dataclass(frozen=True, kw_only=True)
class Diffusion:
    """`b_value` in s/mm2 and the tag it comes from, None without; `calculated`: from other b-values."""

    b_value: float | None
    source: str | None
    calculated: bool


def diffusion_of(tags: Tags) -> Diffusion:
    """Return what a header says of diffusion; an ADC map has no b-value whatever stands there."""
    if is_adc_map(tags):
        return Diffusion(b_value=None, source=None, calculated=False)
    found = _CALCULATED.search(_words(tags))
    calculated = found is not None and ("BVAL" in found[0] or _is_diffusion(tags))
    for name in ("DiffusionBValue", "SiemensBValue", "PhilipsBValue", "GeBValue"):
        value = tags.number(name)
        if value is not None and value >= 0:
            told = value % _GE_OFFSET if name == "GeBValue" else value
            if told or _is_diffusion(tags):  # scanners write 0 into T2W too
                return Diffusion(b_value=told, source=name, calculated=calculated)
    named = _SIEMENS_NAME.search(tags.text("SequenceName"))
    if named is not None and not calculated:
        return Diffusion(b_value=float(named[1]), source="SequenceName", calculated=False)
    return Diffusion(b_value=None, source=None, calculated=calculated)


def is_adc_map(tags: Tags) -> bool:
    """Whether an image is an ADC map, by ImageType or else by the series' name."""
    kinds = tags.texts("ImageType")
    if any(_ADC.search(kind) for kind in kinds):
        return not any(_NOT_ADC.search(kind) for kind in kinds)
    name = tags.text("SeriesDescription")
    return _ADC.search(name) is not None and _NOT_ADC.search(name) is None


def _is_diffusion(tags: Tags) -> bool:
    planar = "EP" in tags.texts("ScanningSequence") or "EP" in tags.text("SequenceName")[:4]
    return "DIFFUSION" in tags.texts("ImageType") or planar


def _words(tags: Tags) -> str:
    return " ".join((*tags.texts("ImageType"), tags.text("SeriesDescription"), tags.text("SequenceName")))
