"""What can be wrong with a manifest, a recipe or a cache, said in one form.

Enters: where it is, what was expected, what came, what to do about it.
Leaves: an exception (`BraidError`) or a row of a table of problems (`Problem`).
A text names cases, columns and files; it never quotes a record.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["error", "warning", "gap"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One row of what `check` prints.

    `error` fails the check, `gap` is a field of a drafted cohort.yaml that a person must fill (fails it
    too), `warning` does not.
    """

    level: Level
    where: str
    expected: str
    got: str
    remedy: str

    @property
    def fails(self) -> bool:
        """Whether a check with this row exits 1."""
        return self.level != "warning"

    def as_dict(self) -> dict[str, str]:
        """Return the row for `--json`."""
        return asdict(self)


class BraidError(Exception):
    """Something that a user can act on: expected / got / remedy, and where."""

    def __init__(self, where: str, *, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"{where}: expected {expected}; got {got}. {remedy}")
        self.where = where
        self.expected = expected
        self.got = got
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a worker process."""
        return _rebuild, (type(self), self.where, self.expected, self.got, self.remedy)

    def as_problem(self, level: Level = "error") -> Problem:
        """Return the same as a row of a table of problems."""
        return Problem(
            level=level, where=self.where, expected=self.expected, got=self.got, remedy=self.remedy
        )


def _rebuild(kind: type[BraidError], where: str, expected: str, got: str, remedy: str) -> BraidError:
    return kind(where, expected=expected, got=got, remedy=remedy)


class ManifestError(BraidError):
    """A cohort.yaml or one of its tables is not what it must be."""


class RecipeError(BraidError):
    """A recipe cannot be read or resolved."""


class SourceError(BraidError):
    """A raw file (slide, note, value) cannot be used as it is."""


class CacheError(BraidError):
    """The cache does not hold what was asked for."""


class DamagedEntryError(CacheError):
    """An entry is there and is not what was committed."""


class OutcomeError(BraidError):
    """Outcomes, folds or a protocol do not allow the evaluation that was asked for."""


def table_error(where: str, expected: str, got: str, remedy: str) -> Problem:
    """Return an error row: where it is, what was expected, what came, what to do."""
    return Problem(level="error", where=where, expected=expected, got=got, remedy=remedy)
