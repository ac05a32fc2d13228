"""The tiny cohort with three moments, extracted up to the last: later more is known and fewer are at risk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from feature_cache.entry import MISSING, OBSERVED, EntryDraft
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from tests.fuse.tiny_cohort import CARD, CLINICAL, N_CASES, NOTES, PROTOCOL, SLIDES, Tiny, draft, write_rows

MOMENTS = {"before": -1, "after": 0, "later": 100}
VARIABLES = [
    {"name": "psa", "kind": "numeric", "unit": "ug/L", "scale": "log", "day": -10},
    {"name": "margin", "kind": "binary", "unit": None, "scale": "linear", "day": 0},
]
DECLARED = {
    "psa": {"kind": "numeric", "unit": "ug/L", "scale": "log", "day": -10},
    "margin": {"kind": "binary", "day": 0},
}
#: PSA of case i, in the order of the days: cell of clinical.csv, then measurements.
PSA = {-10: 4.0, -5: 5.0, 40: 0.5, 90: 0.2}


def write_moments(folder: Path) -> Tiny:
    """Write 60 cases: slides of day 0, one note of day -3 and one of day 50, PSA on four days."""
    rng = np.random.default_rng(3)
    tiny = Tiny.below(folder)
    tiny.cohort.mkdir(parents=True)
    card = CARD | {"moments": MOMENTS, "variables": DECLARED, "undated": {"slides": 0}}
    (tiny.cohort / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    tiny.protocol.write_text(yaml.safe_dump(PROTOCOL), encoding="utf-8")
    ids = [f"{number:04d}" for number in range(N_CASES)]
    latent = rng.normal(size=N_CASES)
    time = np.round(rng.exponential(600 * np.exp(-latent)), 1) + 1
    end = rng.uniform(120, 2000, size=N_CASES)
    event = time < end
    write_rows(tiny.cohort / "cases.csv", "case_id,site", [(case, "A") for case in ids])
    outcomes = [
        (case, "bcr", int(event[i]), min(time[i], end[i]) / 30.4375, "", "") for i, case in enumerate(ids)
    ]
    write_rows(tiny.cohort / "outcomes.csv", "case_id,endpoint,event,time,cause,value", outcomes)
    cache = FeatureCache.create(tiny.cache)
    for i, case in enumerate(ids):
        cache.commit(_clinical(case, i))
        cache.commit(_slide(case, latent[i], rng))
        for day in (-3, 50):
            cache.commit(_note(case, day, latent[i], rng))
    slides = [(case, f"{case}_0", "x.tif") for case in ids]
    write_rows(tiny.cohort / "slides.csv", "case_id,slide_id,path", slides)
    notes = [(case, f"{case}_{day}", "x.txt", day) for case in ids for day in (-3, 50)]
    write_rows(tiny.cohort / "notes.csv", "case_id,note_id,path,day", notes)
    write_rows(tiny.cohort / "clinical.csv", "case_id,psa,margin", [(case, "4", "1") for case in ids])
    measured = [(case, "psa", day, value) for case in ids for day, value in PSA.items() if day > -10]
    write_rows(tiny.cohort / "measurements.csv", "case_id,variable,day,value", measured)
    return tiny


def _until(recipe: ResolvedRecipe, **settings: object) -> ResolvedRecipe:
    settings = {**recipe.settings, "prediction_day": MOMENTS["later"], **settings}
    return ResolvedRecipe(name="tiny", modality=recipe.modality, settings=settings)


def _clinical(case: str, number: int) -> EntryDraft:
    state = np.array([OBSERVED, OBSERVED if number % 7 else MISSING], dtype=np.uint8)
    values = np.array([PSA[-10] + number / 100, number % 2 if number % 7 else np.nan])
    days = [day for day in PSA if day > -10]
    recipe = _until(CLINICAL, variables=[{"name": name, **one} for name, one in DECLARED.items()])
    return draft(
        recipe,
        case,
        "clinical",
        "vector",
        arrays={
            "values": values,
            "state": state,
            "measurement_variable": np.zeros(len(days), dtype="<i4"),
            "measurement_day": np.array(days, dtype="<i4"),
            "measurement_value": np.array([PSA[day] + number / 100 for day in days]),
            "measurement_state": np.full(len(days), OBSERVED, dtype=np.uint8),
        },
        attrs={"variables": VARIABLES, "measurement_variables": ["psa"]},
    )


def _slide(case: str, latent: float, rng: np.random.Generator) -> EntryDraft:
    embeddings = rng.normal(size=(4, 3)).astype(np.float32)
    embeddings[:, 0] += latent
    arrays = {
        "embeddings": embeddings,
        "valid": np.ones(4, dtype=np.bool_),
        "xy_px0": np.arange(8, dtype=np.int32).reshape(4, 2),
        "thumbnail": np.full((20, 20, 3), 200, dtype=np.uint8),
    }
    attrs = {"tile_px0": 100.0, "thumbnail_downsample": 10.0, "feature_names": list("abc")}
    return draft(SLIDES, case, f"{case}_0", "bag", arrays=arrays, attrs=attrs)


def _note(case: str, day: int, latent: float, rng: np.random.Generator) -> EntryDraft:
    embeddings = (0.1 * rng.normal(size=(2, 4))).astype(np.float32)
    embeddings[:, 0] += latent if day > 0 else 0.0
    arrays = {"embeddings": embeddings, "char_span": np.array([[0, 10], [5, 20]], dtype=np.int32)}
    return draft(_until(NOTES), case, f"{case}_{day}", "note", arrays=arrays, attrs={"day": day})
