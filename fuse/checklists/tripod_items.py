"""TRIPOD+AI: 27 items in 52 parts (Collins et al. 2024, BMJ 385:e078378), asked in words of our own.

Enters: nothing. Leaves: the items in their order, with the facts of a run that answer them. "D" items of the
statement are for the development of a model, "E" items for an evaluation on other data. Results and
discussion stand here, what comes before them in `tripod_methods.py`.
"""

from __future__ import annotations

from fuse.checklists.item import Item
from fuse.checklists.tripod_methods import ITEMS_BEFORE_RESULTS

_RESULTS = (
    Item(
        number="20a",
        section="Results: participants",
        asks="The flow of people, with and without the outcome, and the length of follow-up.",
        facts=("flow", "size", "follow_up"),
    ),
    Item(
        number="20b",
        section="Results: participants",
        asks="What the people were like, overall and by source, with events and missing data.",
        facts=("size", "missing", "sites"),
        author="Add the table of characteristics: predictors, demography, treatments.",
    ),
    Item(
        number="20c",
        section="Results: participants",
        asks="How predictors and outcome are distributed beside those of the development data.",
        facts=("differences",),
        author="Add the table of both cohorts.",
        only="evaluation",
    ),
    Item(
        number="21",
        section="Results: model development",
        asks="People and events in each analysis.",
        facts=("size", "parts"),
    ),
    Item(
        number="22",
        section="Results: model specification",
        asks="The full model, such that others can predict with it, and what restricts its use.",
        facts=("specification",),
        author="Publish the model and its terms of use if it is to be used.",
        only="development",
    ),
    Item(
        number="23a",
        section="Results: model performance",
        asks="Performance with intervals, also in groups of people.",
        facts=("performance",),
        author="Add the performance in groups of people that matter.",
    ),
    Item(
        number="23b",
        section="Results: model performance",
        asks="Differences of performance between clusters, if looked at.",
        facts=("clusters",),
    ),
    Item(
        number="24",
        section="Results: model updating",
        asks="What updating gave.",
        facts=("updating",),
        only="evaluation",
    ),
)
_DISCUSSION = (
    Item(
        number="25",
        section="Discussion",
        asks="What the results mean, also for fairness, beside the aims and earlier studies.",
        facts=("verdict",),
        author="Interpret; verdict.json says only what the numbers allow.",
    ),
    Item(
        number="26",
        section="Discussion",
        asks="Limitations and what they do to bias, uncertainty and reach.",
        facts=("limits",),
        author="Add those of the data: selection, measurement, treatment.",
    ),
    Item(
        number="27a",
        section="Discussion",
        asks="What is to be done where an input is poor or missing in use.",
        facts=("missing_handled",),
        author="Say which inputs must be there for a prediction to be acted on.",
    ),
    Item(
        number="27b",
        section="Discussion",
        asks="Whether users have to handle inputs or the model, and what they must know.",
        author="Describe the users' part; extraction and prediction are command lines.",
    ),
    Item(
        number="27c",
        section="Discussion",
        asks="What should be looked at next.",
        author="Say what would decide what this study leaves open; verdict.json names the cases needed.",
    ),
)

TRIPOD_ITEMS = (*ITEMS_BEFORE_RESULTS, *_RESULTS, *_DISCUSSION)
