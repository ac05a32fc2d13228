"""`fit-segmenter`: masks of a cohort in, a folder of networks out, one for each fold of whole cases.

Enters: a cohort, the region to learn, a network's name, settings. Leaves: a folder (see `record.py`) with
folds.csv, weights, scores.csv and summary.csv of cases that a network has not seen, log.jsonl, and
segmenter.yaml last. It is the one verb of stage 1 that learns across cases, and it learns from masks alone.
A fit that was stopped goes on with the first fold that is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from extract.segment.fit_folder import FitFolder
from extract.segment.fit_plan import FitPlan, plan_fit
from extract.segment.fitted import FittedSegmenter, LoadedNetworks
from extract.segment.folds import (
    CaseToDeal,
    SegmenterFold,
    SegmenterFolds,
    early_stopping_cases,
    make_folds,
    read_folds,
)
from extract.segment.labelled import LabelledStudy, read_labelled
from extract.segment.networks.build import build_network, import_requirements
from extract.segment.networks.settings import complete_settings, find_network
from extract.segment.out_of_fold import ScoredStudy, scores_text, summary_text
from extract.segment.preparation import prepare, prepare_labels
from extract.segment.record import ModelRecord, NetworkRecord, SegmenterRecord
from extract.segment.scores import score_case
from extract.segment.settings import FIT_ALGORITHM, FitSettings
from extract.segment.slices import PreparedStudy
from extract.segment.training import Device, Lesson, find_device, fit_network
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort


@dataclass(frozen=True, kw_only=True)
class FitRequest:
    """What is to be fitted: `network` is a name of `NETWORKS`, `target` a region of masks.csv."""

    cohort: Cohort
    root: Path
    network: str
    target: str
    out: Path
    folds: Path | None = None
    settings: FitSettings = field(default_factory=FitSettings)


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """A fit under way: all that its folds share."""

    settings: FitSettings
    plan: FitPlan
    network: NetworkRecord
    folder: FitFolder
    device: Device


def fit_segmenter(request: FitRequest, told: Callable[[str], None] = lambda _: None) -> SegmenterRecord:
    """Fit one network a fold and score each on the cases that it has not seen.

    Parameters
    ----------
    told
        Is called with a line about each fold that is ready.

    Returns
    -------
    SegmenterRecord
        As it was written.

    Raises
    ------
    BraidError
        A network that cannot be built here, before any file is opened; no masks, files that cannot be used,
        folds that make no sense, a folder with another fit.
    """
    complete_settings(request.network, request.settings.network)
    import_requirements(request.network)
    settings = request.settings
    plan = plan_fit(request.cohort, request.root, request.target, settings)
    given = read_folds(request.folds, sorted(plan.sites)) if request.folds else None
    prepared = [_prepare(study, plan) for study in plan.studies]
    drawn = {case: any(one.drawn for one in prepared if one.case_id == case) for case in plan.sites}
    folds = given or make_folds(
        {case: CaseToDeal(site=site, drawn=drawn[case]) for case, site in plan.sites.items()}, settings
    )
    kept = {fold.name: early_stopping_cases(fold, drawn, settings) for fold in folds.folds}
    network, device = _network_record(request, len(plan.structures) + 1), find_device()
    folder = FitFolder.open(request.out, _identity(request, plan, network, folds, device))
    fit = _Fit(settings=settings, plan=plan, network=network, folder=folder, device=device)
    models = []
    for fold in folds.folds:
        model = folder.finished(fold.name) or _fit_fold(fit, fold, kept[fold.name], prepared)
        models.append(model)
        dice = "" if model.best_dice is None else f", Dice {model.best_dice:.3f} on the early stopping cases"
        told(f"{fold.name}: weights of epoch {model.best_epoch} of {model.epochs_run}{dice}")
    record = SegmenterRecord(
        algorithm=FIT_ALGORITHM,
        cohort=request.cohort.name,
        target=request.target,
        labels=dict(enumerate(plan.structures, start=1)),
        network=network,
        preparation=plan.preparation,
        settings=settings,
        device=device,
        folds_from=folds.source,
        folds_sha256=folds.sha256,
        sources_sha256=plan.sources_sha256,
        versions=_versions(request.network),
        models=tuple(models),
    )
    scored = score_folds(record, plan, folder.path)
    folder.write("folds.csv", folds.csv_text())
    folder.write("scores.csv", scores_text(scored))
    folder.write("summary.csv", summary_text(scored, plan.structures))
    folder.finish(record)
    return record


def score_folds(record: SegmenterRecord, plan: FitPlan, folder: Path) -> list[ScoredStudy]:
    """Score every network on its test part, on the series' own voxels; on its train part where it has none.

    `part` tells the two apart: what a network says of cases that it learnt from is no estimate of anything.
    """
    loaded = LoadedNetworks(folder=folder, record=record, device=record.device)
    by_case: dict[str, list[LabelledStudy]] = {}
    for study in plan.studies:
        by_case.setdefault(study.case_id, []).append(study)
    scored = []
    for model in record.models:
        part = "test" if model.test_case_ids else "train"
        cases = model.test_case_ids or model.training_case_ids
        segmenter = FittedSegmenter(networks=loaded, models=(model,))
        for study in (study for case in cases for study in by_case[case]):
            volume = read_labelled(study, plan.structures)
            predicted = segmenter.segment(volume.series)
            scored.append(
                ScoredStudy(
                    case_id=study.case_id,
                    study_id=study.study_id,
                    frame=study.frame,
                    model=model.name,
                    part=part,
                    scores=tuple(score_case(predicted, volume.labels, record.labels, volume.spacing_mm)),
                )
            )
    return scored


def _prepare(study: LabelledStudy, plan: FitPlan) -> PreparedStudy:
    volume = read_labelled(study, plan.structures)
    series = volume.series
    shown = prepare(series.voxels, series.affine, plan.preparation, spacing_known=series.spacing_known)
    labels = prepare_labels(volume.labels, shown)
    return PreparedStudy(case_id=study.case_id, images=shown.images, labels=labels)


def _fit_fold(
    fit: _Fit, fold: SegmenterFold, kept: Sequence[str], prepared: Sequence[PreparedStudy]
) -> ModelRecord:
    """Fit one network, write its weights, then the note that says they are there."""
    lesson = Lesson(
        network=fit.network,
        settings=fit.settings,
        side_px=fit.plan.preparation.side_px,
        train=[one for one in prepared if one.case_id in fold.train and one.case_id not in kept],
        stop_by=[one for one in prepared if one.case_id in kept],
        seed=(fit.settings.seed, fold.repeat, fold.fold),
    )

    def log(line: Mapping[str, Json]) -> None:
        fit.folder.log({"model": fold.name, **line})

    taught = fit_network(lesson, fit.device, log)
    model = ModelRecord(
        name=fold.name,
        repeat=fold.repeat,
        fold=fold.fold,
        weights=f"{fold.name}.safetensors",
        sha256=fit.folder.write_weights(fold.name, taught.state),
        training_case_ids=fold.train,
        early_stopping_case_ids=tuple(kept),
        test_case_ids=fold.test,
        epochs_run=taught.epochs_run,
        best_epoch=taught.best_epoch,
        best_dice=taught.best_dice,
    )
    fit.folder.write(f"{fold.name}.json", model.model_dump_json(indent=1) + "\n")
    return model


def _network_record(request: FitRequest, classes: int) -> NetworkRecord:
    settings = complete_settings(request.network, request.settings.network)
    network = build_network(request.network, 1, classes, settings)
    return NetworkRecord(
        name=request.network,
        settings=settings,
        classes=classes,
        parameters=sum(one.numel() for one in network.parameters()),
    )


def _identity(
    request: FitRequest, plan: FitPlan, network: NetworkRecord, folds: SegmenterFolds, device: Device
) -> dict[str, Json]:
    """Return what must be the same for a fit to go on in its folder."""
    return {
        "algorithm": FIT_ALGORITHM,
        "cohort": request.cohort.name,
        "target": request.target,
        "structures": [*plan.structures],
        "network": network.model_dump(mode="json"),
        "preparation": plan.preparation.model_dump(mode="json"),
        "settings": request.settings.model_dump(mode="json"),
        "folds": folds.sha256,
        "sources": plan.sources_sha256,
        "device": device,
        "versions": dict(_versions(request.network)),
    }


def _versions(network: str) -> dict[str, str]:
    return {name: version(name) for name in ("numpy", *find_network(network).requires)}
