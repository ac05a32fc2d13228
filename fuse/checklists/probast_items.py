"""PROBAST+AI: 16 questions on development, 18 on evaluation (Moons et al. 2025, BMJ 388:e082505), our words.

Enters: nothing. Leaves: the signalling questions in their order, with the facts of a run that an assessor
may answer them from. A run never answers one itself: it would be a judge in its own cause.
"""

from __future__ import annotations

from fuse.checklists.item import Item

_JUDGE = "Answer yes, probably yes, probably no, no or no information."

#: domain -> (number, question, facts) of what both parts ask.
_BOTH = {
    "1 participants and data sources": (
        ("1.1", "Were the sources of data suitable?", ("sources",)),
        ("1.2", "Was the design of the study suitable?", ("design", "moment")),
        ("1.3", "Do the data stand for the people the model is meant for?", ("flow", "sites")),
    ),
    "2 predictors": (
        ("2.1", "Were predictors defined and measured alike in everybody?", ("predictors", "sites")),
        ("2.2", "Were predictors prepared alike in everybody?", ("preparation",)),
        ("2.3", "Were predictors measured without knowledge of the outcome?", ("blinding",)),
        ("2.4", "Is every predictor there when the model is to be used?", ("moment", "excluded")),
    ),
    "3 outcome": (
        ("3.1", "Was the outcome defined suitably?", ("outcome",)),
        ("3.2", "Was the outcome defined and found out alike in everybody?", ("outcome", "sites")),
        ("3.3", "Was the outcome found out without knowledge of the predictors?", ()),
        ("3.4", "Was the time between predictors and outcome suitable?", ("moment", "outcome", "follow_up")),
    ),
}
_DEVELOPMENT = (
    ("4.1", "Was the sample large enough?", ("size", "minimum_size")),
    ("4.2", "Were continuous and categorical predictors handled suitably?", ("scales", "preparation")),
    ("4.3", "Were missing and censored data handled suitably?", ("missing", "missing_handled", "censored")),
    (
        "4.4",
        "Where class imbalance was corrected, was the model recalibrated afterwards?",
        ("imbalance", "calibration"),
    ),
    ("4.5", "Was overfitting held off by suitable methods?", ("tuning", "division")),
)
_EVALUATION = (
    ("4.1", "Was more judged than the fit to the very cases that were learned from?", ("division",)),
    ("4.2", "Was the sample large enough to judge on?", ("size", "performance")),
    ("4.3", "Were missing and censored data handled suitably?", ("missing", "missing_handled", "censored")),
    ("4.4", "Where class imbalance was corrected, was it judged without that correction?", ("imbalance",)),
    ("4.5", "Where cases were divided, was leakage between the parts held off?", ("leakage",)),
    ("4.6", "Where cases were resampled, was every step of building repeated?", ("repeated",)),
    ("4.7", "Was performance judged by suitable measures?", ("measures", "utility", "performance")),
)


def _items(part: str, analysis: tuple[tuple[str, str, tuple[str, ...]], ...]) -> tuple[Item, ...]:
    domains = {**_BOTH, "4 analysis": analysis}
    return tuple(
        Item(
            number=f"{part[0].upper()} {number}",
            section=f"{part}: {domain}",
            asks=question,
            facts=facts,
            author=_JUDGE,
            only="development" if part == "development" else None,
        )
        for domain, questions in domains.items()
        for number, question, facts in questions
    )


#: An external validation develops nothing; a benchmark is judged on both parts.
PROBAST_ITEMS = (*_items("development", _DEVELOPMENT), *_items("evaluation", _EVALUATION))
