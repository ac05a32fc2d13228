"""TRIPOD+AI, items 1 to 19: title, introduction, methods, open science; see `tripod_items.py`.

Enters: nothing. Leaves: these items in their order, with the facts of a run that answer them.
"""

from __future__ import annotations

from fuse.checklists.item import Item

_TITLE = (
    Item(
        number="1",
        section="Title",
        asks="The title names development or evaluation of a prediction model, the people and the outcome.",
        facts=("design", "population"),
        author="Word the title.",
    ),
    Item(
        number="2",
        section="Abstract",
        asks="The abstract follows TRIPOD+AI for Abstracts.",
        author="Write the abstract; verdict.json and metrics.csv have its numbers.",
    ),
    Item(
        number="3a",
        section="Introduction",
        asks="The clinical context, why this model, and which models there are already.",
        author="Say what the prediction is for and cite the models that exist.",
    ),
    Item(
        number="3b",
        section="Introduction",
        asks="For whom the model is meant, at which point of care, and who is to use it.",
        facts=("moment",),
        author="Say who is to use the prediction and what follows from it.",
    ),
    Item(
        number="3c",
        section="Introduction",
        asks="What is known of inequalities in health between groups of people.",
        author="Say which groups are treated or fare differently.",
    ),
    Item(
        number="4",
        section="Introduction",
        asks="The aims, and whether a model is developed, evaluated or both.",
        facts=("design", "comparators"),
        author="State the aims.",
    ),
)
_DATA = (
    Item(
        number="5a",
        section="Methods: data",
        asks="Where the data come from, for development and evaluation apart, and whom they stand for.",
        facts=("sources",),
        author="Say why these data, and whether they are like those the model is meant for.",
    ),
    Item(
        number="5b",
        section="Methods: data",
        asks="When people were included and until when they were followed.",
        facts=("follow_up",),
        author="Give the calendar dates: manifests count days from the index event and hold none.",
    ),
    Item(
        number="6a",
        section="Methods: participants",
        asks="The setting, with number and places of centres.",
        facts=("sites",),
        author="Name the centres and the level of care.",
    ),
    Item(
        number="6b",
        section="Methods: participants",
        asks="Who was eligible.",
        facts=("flow",),
        author="Give the criteria by which cases came into the manifest.",
    ),
    Item(
        number="6c",
        section="Methods: participants",
        asks="Which treatments were given and how they were dealt with.",
        facts=("excluded",),
        author="Describe treatments before and after the index event.",
    ),
    Item(
        number="7",
        section="Methods: data preparation",
        asks="How data were prepared and checked, and whether alike in all groups of people.",
        facts=("preparation",),
    ),
    Item(
        number="8a",
        section="Methods: outcome",
        asks="What is predicted, up to when, how it was found out, and why it was chosen.",
        facts=("outcome",),
        author="Say how and by whom the outcome was found out, and why this one.",
    ),
    Item(
        number="8b",
        section="Methods: outcome",
        asks="Who judged an outcome that takes judgement.",
        author="Describe the assessors, or say that the outcome takes no judgement.",
    ),
    Item(
        number="8c",
        section="Methods: outcome",
        asks="Whether those who found out the outcome knew the predictors.",
        author="Say what assessors of the outcome knew.",
    ),
    Item(
        number="9a",
        section="Methods: predictors",
        asks="How the predictors were chosen before any model was built.",
        facts=("predictors", "excluded"),
        author="Say why these were collected.",
        only="development",
    ),
    Item(
        number="9b",
        section="Methods: predictors",
        asks="Every predictor: how, when and how blind it was measured.",
        facts=("predictors", "moment", "blinding"),
        author="Say how each variable was measured; cohort.yaml has kind, unit and day of each.",
    ),
    Item(
        number="9c",
        section="Methods: predictors",
        asks="Who judged predictors that take judgement.",
        author="Describe readers of slides and images and who drew masks, or say that nobody judged.",
    ),
    Item(
        number="10",
        section="Methods: sample size",
        asks="How the size came about and whether it is enough.",
        facts=("size", "minimum_size"),
        author="Say why no more cases were there. `fuse check` has what this size can show.",
    ),
    Item(
        number="11",
        section="Methods: missing data",
        asks="How missing data were handled, and why anything was left out.",
        facts=("missing", "missing_handled"),
    ),
)
_ANALYSIS = (
    Item(
        number="12a",
        section="Methods: analysis",
        asks="How the data were divided between fitting and judging.",
        facts=("division",),
        only="development",
    ),
    Item(
        number="12b",
        section="Methods: analysis",
        asks="In which form predictors enter: scale, transformation, standardisation.",
        facts=("preparation", "scales"),
        only="development",
    ),
    Item(
        number="12c",
        section="Methods: analysis",
        asks="Kind of model, why, every step of building and tuning, and internal validation.",
        facts=("models", "tuning", "division"),
        author="Say why these models; protocol.yaml and chosen.csv have every setting.",
        only="development",
    ),
    Item(
        number="12d",
        section="Methods: analysis",
        asks="How differences between clusters, such as hospitals, were handled.",
        facts=("clusters",),
    ),
    Item(
        number="12e",
        section="Methods: analysis",
        asks="By which measures and plots performance was judged and models compared.",
        facts=("measures", "utility", "comparators"),
    ),
    Item(
        number="12f",
        section="Methods: analysis",
        asks="Whether the model was updated after its evaluation.",
        facts=("updating",),
        only="evaluation",
    ),
    Item(
        number="12g",
        section="Methods: analysis",
        asks="How the predictions that were judged were computed.",
        facts=("predictions",),
    ),
    Item(
        number="13",
        section="Methods: class imbalance",
        asks="Whether rare outcomes were weighted or resampled, and what corrected for it.",
        facts=("imbalance",),
    ),
    Item(
        number="14",
        section="Methods: fairness",
        asks="What was done about fairness.",
        facts=("fairness",),
        author="Say which groups matter here and compare them.",
    ),
    Item(
        number="15",
        section="Methods: model output",
        asks="What the model gives out, and where thresholds come from.",
        facts=("output", "thresholds"),
        only="development",
    ),
    Item(
        number="16",
        section="Methods: training and evaluation",
        asks="In what the data of evaluation differ from those of development.",
        facts=("differences",),
        author="Compare setting, eligibility, outcome and predictors of both cohorts.",
        only="evaluation",
    ),
    Item(
        number="17",
        section="Methods: ethics",
        asks="Which board approved the study, and consent or its waiver.",
        author="Name the board, the number of its approval, and consent or waiver.",
    ),
)
_OPEN = (
    Item(number="18a", section="Open science", asks="Who paid, and for what.", author="Name the funders."),
    Item(
        number="18b",
        section="Open science",
        asks="Conflicts of interest.",
        author="State those of every author.",
    ),
    Item(
        number="18c",
        section="Open science",
        asks="Where the protocol can be read.",
        facts=("protocol",),
        author="Say where the study's own protocol is, or that there was none.",
    ),
    Item(
        number="18d",
        section="Open science",
        asks="Where the study is registered.",
        author="Give the registration, or say that there was none.",
    ),
    Item(
        number="18e",
        section="Open science",
        asks="Whether and where data can be had.",
        facts=("licence",),
        author="Say where the data can be had and by whom.",
    ),
    Item(number="18f", section="Open science", asks="Whether and where code can be had.", facts=("code",)),
    Item(
        number="19",
        section="Patient and public involvement",
        asks="What part patients and public had in the study.",
        author="Describe it, or say that there was none.",
    ),
)

ITEMS_BEFORE_RESULTS = (*_TITLE, *_DATA, *_ANALYSIS, *_OPEN)
