"""The table of heads that a protocol may name on a network (option `head`).

Enters: a name and the outcomes of a train part. Leaves: the head, over several endpoints where some stand
beside the one that is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from feature_cache.errors import OutcomeError
from fuse.models.heads.aft import AftHead, TimeHead
from fuse.models.heads.classes import BinaryHead, MulticlassHead
from fuse.models.heads.competing import CompetingHead
from fuse.models.heads.cox import CoxHead
from fuse.models.heads.hazard import HazardHead
from fuse.models.heads.head import Head
from fuse.models.heads.joint import JointHead, KnownHead
from fuse.models.learner import is_learnable
from fuse.outcomes.outcomes import Beside, Classes, Competing, Outcome, Survival

#: The option of network cards.
HEAD_OPTION = "head"

_OF_TIMES: Mapping[str, Callable[[Survival], Head]] = {
    "cox": CoxHead,
    "hazard": HazardHead,
    "aft": AftHead,
    "time": TimeHead,
}
_OF_CAUSES: Mapping[str, Callable[[Competing], Head]] = {"competing": CompetingHead}
_OF_TWO: Mapping[str, Callable[[Classes], Head]] = {"binary": BinaryHead}
_OF_CLASSES: Mapping[str, Callable[[Classes], Head]] = {"multiclass": MulticlassHead}

HEAD_NAMES = ("auto", *_OF_TIMES, *_OF_CAUSES, *_OF_TWO, *_OF_CLASSES)


def make_head(name: str, outcome: Outcome) -> Head:
    """Make a head for a train part.

    Parameters
    ----------
    name
        A name of `HEAD_NAMES`. `auto` picks by kind: times get `cox`, several causes `competing`, two
        classes `binary`, more `multiclass`. On several causes the heads of times take the first one and
        the others as censoring.
    outcome
        The train part's outcomes. Endpoints that stand beside get the same head where it fits their kind,
        else that of `auto`, made from the cases that they are known of; one that teaches nothing (too few
        events) is left out.

    Raises
    ------
    OutcomeError
        Unknown head, or one that does not go with the kind of endpoint.
    """
    if name not in HEAD_NAMES:
        raise _refusal(name, HEAD_NAMES)
    evaluated = _single(name, outcome)
    beside = tuple(
        _known(name, other)
        for other in outcome.beside.values()
        if is_learnable(other.outcome.take(np.flatnonzero(other.known)))
    )
    return JointHead(evaluated, beside) if beside else evaluated


def heads_for(outcome: Outcome) -> tuple[str, ...]:
    """Return the heads that go with a kind of endpoint, that of `auto` first."""
    if isinstance(outcome, Competing):
        return (*_OF_CAUSES, *_OF_TIMES)
    if isinstance(outcome, Survival):
        return tuple(_OF_TIMES)
    return tuple(_OF_TWO) if len(outcome.names) == 2 else tuple(_OF_CLASSES)


def _single(name: str, outcome: Outcome) -> Head:
    allowed = heads_for(outcome)
    if name == "auto":
        name = allowed[0]
    if name not in allowed:
        raise _refusal(name, ("auto", *allowed))
    if isinstance(outcome, Competing) and name in _OF_CAUSES:
        return _OF_CAUSES[name](outcome)
    if isinstance(outcome, Survival):
        return _OF_TIMES[name](outcome)
    return {**_OF_TWO, **_OF_CLASSES}[name](outcome)


def _known(name: str, beside: Beside) -> KnownHead:
    outcome = beside.outcome.take(np.flatnonzero(beside.known))
    fitting = name if name in heads_for(outcome) else "auto"
    return KnownHead(head=_single(fitting, outcome), known=beside.known)


def _refusal(name: str, allowed: tuple[str, ...]) -> OutcomeError:
    return OutcomeError(
        "protocol",
        expected=f"a head among: {', '.join(allowed)}",
        got=name,
        remedy="Correct the option `head` of this arm, or choose another endpoint.",
    )
