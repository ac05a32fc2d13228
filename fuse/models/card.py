"""What is known about a model before it is built: for the protocol, the report and `fuse check`.

Enters: nothing; each model's file holds one card. Leaves: a name, a title, what the model reads, which
libraries it needs, where it comes from, and how it is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from feature_cache.errors import OutcomeError
from fuse.models.learner import Learner

#: What a protocol may set on a model.
OptionValue = str | float | bool
Options = Mapping[str, OptionValue]
Build = Callable[[tuple[str, ...], Options], Learner]

#: The kinds of endpoint that a cohort may declare.
TIMES = ("survival", "competing", "time")
CLASSES = ("binary", "multiclass")


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One model that a protocol may name.

    `reads` is what it uses of a modality; `modalities` how many it takes; `options` the names that a
    protocol may set. `build` is None for a model that is fitted from other arms (late fusion).
    `endpoints` are the kinds of endpoint that it can learn; where it has no head for competing causes it
    learns the first, with the others as censoring. `adds_up`: whether it says what each of several modalities
    adds to a risk, which a stack asks of its arms. `late_entry`: whether it honours that some cases came
    under observation later (`Survival.entry_days`); one that does not is not run on such cohorts.
    """

    name: str
    title: str
    reads: Literal["nothing", "values", "tiles", "risks of other arms"]
    modalities: Literal["none", "one", "several"]
    needs: tuple[str, ...]
    source: str
    options: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = TIMES
    adds_up: bool = True
    late_entry: bool = False
    build: Build | None = None

    def absent_needs(self) -> tuple[str, ...]:
        """Return the libraries of `needs` that are not installed here."""
        return tuple(name for name in self.needs if find_spec(name) is None)

    def check_modalities(self, modalities: tuple[str, ...]) -> None:
        """Raise `OutcomeError` where the number of modalities is not what the model takes."""
        allowed = {"none": (0, 0), "one": (1, 1), "several": (2, None)}[self.modalities]
        low, high = allowed
        if len(modalities) < low or (high is not None and len(modalities) > high):
            raise OutcomeError(
                f"model {self.name}",
                expected=f"{self.modalities} modality"
                if self.modalities != "several"
                else "two or more modalities",
                got=", ".join(modalities) or "none",
                remedy="Correct the arm in the protocol.",
            )

    def check_endpoint(self, kind: str) -> None:
        """Raise `OutcomeError` where the model cannot learn an endpoint of this kind."""
        if kind not in self.endpoints:
            raise OutcomeError(
                f"model {self.name}",
                expected=f"an endpoint of kind {', '.join(self.endpoints)}",
                got=kind,
                remedy="Take this arm out of the protocol, or choose another endpoint.",
            )

    def check_options(self, options: Options) -> None:
        """Raise `OutcomeError` where an option is not one of the card's."""
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise OutcomeError(
                f"model {self.name}",
                expected=f"options among: {', '.join(self.options) or 'none'}",
                got=", ".join(unknown),
                remedy="Correct the options of this arm in the protocol.",
            )
