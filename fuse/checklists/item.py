"""One item of a published checklist: what it asks, which facts of a run answer it, what is left to people.

Enters: nothing; the items stand in `tripod_items.py` and `probast_items.py`, in words of our own under the
published numbers. Leaves: for a run's facts, a row that says who fills the item and with what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: What a study does: every benchmark develops and evaluates inside one cohort, a validation evaluates alone.
Study = Literal["development", "evaluation"]
Status = Literal["filled by the run", "run and author", "author must fill", "does not apply"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """`facts` are names of `facts.py`; `author` says what a run cannot know, "" where that is nothing.

    `only`: the kind of study that the item is for, None for both.
    """

    number: str
    section: str
    asks: str
    facts: tuple[str, ...] = ()
    author: str = ""
    only: Study | None = None


@dataclass(frozen=True, kw_only=True)
class FilledItem:
    """One row of tripod.csv or probast.csv."""

    item: str
    section: str
    asks: str
    status: Status
    run_says: str
    author_must: str


def fill(item: Item, facts: Mapping[str, str], study: Study) -> FilledItem:
    """Return the item with what the facts say; a fact that the run does not have is "".

    Raises
    ------
    KeyError
        An item names a fact that there is not: the tables do not belong together.
    """
    if item.only is not None and item.only != study:
        reason = {
            "development": "Asked of the development of a model; this run evaluates one fitted before.",
            "evaluation": "Asked of an evaluation on other data; this run has one cohort (`fuse validate`).",
        }[item.only]
        return _row(item, "does not apply", reason, "")
    said = " ".join(text for name in item.facts if (text := facts[name]))
    if not said:
        return _row(item, "author must fill", "", item.author or item.asks)
    return _row(item, "run and author" if item.author else "filled by the run", said, item.author)


def _row(item: Item, status: Status, said: str, author: str) -> FilledItem:
    return FilledItem(
        item=item.number,
        section=item.section,
        asks=item.asks,
        status=status,
        run_says=said,
        author_must=author,
    )
