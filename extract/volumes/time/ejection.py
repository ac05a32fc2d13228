"""Ejection fraction and volumes of a ventricle from its cavity at end diastole and end systole.

Enters: voxels of the cavity in both frames, the volume of a voxel where it is known. Leaves: measures. The
fraction needs no spacing; millilitres do. Conventions that masks bring with them are recorded, not corrected:
papillary muscles count as what the mask calls them, and every slice that is labelled in a frame counts there,
however basal.
"""

from __future__ import annotations

from extract.volumes.measures.measured import Measure, not_applicable, observed, unknown
from feature_cache.canonical import Json

EJECTION = ("ejection_fraction", "end_diastolic_volume_ml", "end_systolic_volume_ml", "stroke_volume_ml")
CONVENTIONS: dict[str, Json] = {
    "papillary_muscles": "as the masks have them",
    "basal_slice": "every slice that the mask of the frame labels",
    "frames": "both ventricles at end diastole and end systole of the left",
}


def ejection(
    end_diastole: int | None, end_systole: int | None, voxel_mm3: float | None
) -> dict[str, Measure]:
    """Return the measures named in `EJECTION`.

    Parameters
    ----------
    end_diastole, end_systole
        Voxels of the cavity in the frame; None where it was not drawn in it.
    voxel_mm3
        None where the spacing is not known.
    """
    if end_diastole is None or end_systole is None:
        why = "not drawn in the frames of end diastole and end systole"
        return dict.fromkeys(EJECTION, unknown(why))
    if end_diastole == 0:
        return dict.fromkeys(EJECTION, not_applicable("no voxel of it at end diastole"))
    if end_systole == 0:
        why = "no voxel of it at end systole, and no ventricle empties to nothing: it was not drawn there"
        return dict.fromkeys(EJECTION, unknown(why))
    fraction = observed((end_diastole - end_systole) / end_diastole)
    if voxel_mm3 is None:
        return {EJECTION[0]: fraction} | dict.fromkeys(EJECTION[1:], unknown("the spacing is not known"))
    ml = voxel_mm3 / 1000
    volumes = (end_diastole * ml, end_systole * ml, (end_diastole - end_systole) * ml)
    return {EJECTION[0]: fraction} | {
        name: observed(volume) for name, volume in zip(EJECTION[1:], volumes, strict=True)
    }
