"""What a linear probe sees in features of real, labelled tiles: a real network beside the weight-free one.

Enters: the 2,400 PCam tiles of ../shared/data (tumour in the centre or not). Leaves: the area under the curve
of held-out tiles, 5 folds by content hash. A smoke test of encoders and no claim: the tiles have no patients.
`python -m tests.published.pcam` runs it alone (some minutes).
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from extract.encoders.card import TileEncoder
from extract.encoders.registry import find_encoder, load_encoder
from extract.encoders.weights import WeightsSource
from feature_cache.errors import BraidError
from tests.measurement import Measured, tabulate

DATA = Path(__file__).parents[3] / "shared" / "data"
SHIMS = Path(__file__).parents[1] / "shims"
#: PatchCamelyon was scanned at .243 um and published at about .972 um (10x).
MPP = 0.972
FOLDS = 5
PENALTIES = np.logspace(0, 5, 11)
_BAR = 0.92
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class LabelledTiles:
    """Tiles, 1 where the centre is tumour; `fold` comes from the content: identical tiles never part."""

    pixels: UInt8[np.ndarray, "tile 96 96 3"]
    tumour: Int[np.ndarray, " tile"]
    fold: Int[np.ndarray, " tile"]


def read_tiles(data: Path, per_class: int | None = None) -> LabelledTiles:
    """Read the tiles, or the first so many of each class."""
    pixels, tumour, fold = [], [], []
    with zipfile.ZipFile(data / "tiles/pcam_train.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith((".jpg", ".jpeg")))
        for label in ("0", "1"):
            for name in [name for name in names if name.split("/")[-2] == label][:per_class]:
                content = archive.read(name)
                pixels.append(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
                tumour.append(int(label))
                fold.append(hashlib.sha256(content).digest()[0] % FOLDS)
    return LabelledTiles(pixels=np.stack(pixels), tumour=np.array(tumour), fold=np.array(fold))


def encode(
    encoder: TileEncoder, pixels: UInt8[np.ndarray, "tile height width 3"], side_px: int | None
) -> Float[np.ndarray, "tile dim"]:
    """Encode tiles, enlarged to `side_px` where an encoder takes one size alone."""
    rows = []
    for start in range(0, len(pixels), _BATCH):
        batch, mpp = pixels[start : start + _BATCH], MPP
        if side_px is not None:
            mpp *= batch.shape[1] / side_px
            size = (side_px, side_px)
            batch = np.stack([np.asarray(Image.fromarray(tile).resize(size)) for tile in batch])
        rows.append(encoder.encode(batch, mpp))
    return np.concatenate(rows)


def held_out_auc(
    features: Float[np.ndarray, "tile dim"], tumour: Int[np.ndarray, " tile"], fold: Int[np.ndarray, " tile"]
) -> float:
    """Return the AUC of ridge scores; scaler and penalty learn on the train part of each fold."""
    scores = np.empty(len(tumour))
    for number in range(FOLDS):
        test = fold == number
        model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=PENALTIES))
        model.fit(features[~test], tumour[~test])
        scores[test] = model.decision_function(features[test])
    return float(roc_auc_score(tumour, scores))


def pcam_rows() -> list[Measured]:
    """Measure both encoders; a row without a value says what is missing here."""
    if not DATA.is_dir():
        return [_row("mobilenet_v2", None, "not measured: ../shared/data is absent")]
    sys.path.insert(0, str(SHIMS))  # timm, where torchvision belongs to another torch
    tiles = read_tiles(DATA)
    source = WeightsSource(root=DATA / "weights")
    rows = []
    for name in ("mobilenet_v2", "stain_texture_nuclei"):
        card = find_encoder(name)
        try:
            encoder = load_encoder(card, source.find(card) if card.weights_needed else None)
        except BraidError as error:
            rows.append(_row(name, None, f"not measured: {error.expected} ({error.got})"))
            continue
        features = encode(encoder, tiles.pixels, card.input_px if card.weights_needed else None)
        stored = features.astype(card.stored_dtype).astype(np.float64)
        auc = held_out_auc(stored, tiles.tumour, tiles.fold)
        rows.append(_row(name, auc, f"{len(stored)} PCam tiles, linear probe, {FOLDS} folds by content"))
    return rows


def _row(name: str, auc: float | None, source: str) -> Measured:
    bar = ">= .92" if name == "mobilenet_v2" else None
    met = None if bar is None or auc is None else auc >= _BAR
    return Measured(name=f"slides/pcam_probe_{name}", value=auc, unit="AUC", bar=bar, met=met, input=source)


if __name__ == "__main__":
    sys.exit(tabulate(pcam_rows()))
