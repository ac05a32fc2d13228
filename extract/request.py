"""What a user asks of `plan` and `run`: which cohort, read from where, by which recipe, into which cache.

Enters: the words of a command line. Leaves: a `Plan`, and the lines that `plan` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from extract.cost import add_up_costs
from extract.distribute.shard import Shard
from extract.encoders.registry import find_encoder
from extract.plan import Folders, Plan, make_plan, read_selection
from extract.recipe import read_recipe
from feature_cache.array_format import FormatName
from feature_cache.cohort import find_cohort, read_cohort
from feature_cache.errors import ManifestError
from feature_cache.store import FeatureCache


@dataclass(frozen=True, kw_only=True)
class Request:
    """The words of a command line, as they were given."""

    cohort: str
    root: Path
    cache: Path
    recipe: str
    weights: Path | None
    cases: Path | None
    limit: int | None
    array_format: FormatName
    shard: Shard | None = None
    trusted: frozenset[str] = frozenset()

    def plan(self, store: FeatureCache) -> Plan:
        """Find what the cache lacks of it.

        Raises
        ------
        ManifestError, RecipeError
            The root is no folder, or what `make_plan` refuses.
        """
        if not self.root.is_dir():
            raise ManifestError(
                f"--root {self.root}",
                expected="a folder",
                got="no such folder",
                remedy="Name where the files are.",
            )
        for name in self.trusted:
            find_encoder(name)  # a name mistyped is an error, not leave for nothing
        cohort = read_cohort(find_cohort(self.cohort))
        folders = Folders(root=self.root, weights=self.weights, trusted=self.trusted)
        selection = replace(read_selection(self.cases, self.limit, cohort), shard=self.shard)
        return make_plan(cohort, folders, store, read_recipe(self.recipe), selection)


def plan_lines(request: Request, workers: int) -> Iterator[str]:
    """Yield a line a feature set: what is to do, what is done, what it costs. No cache is made."""
    store = FeatureCache(root=request.cache.absolute(), array_format=request.array_format)
    planned = request.plan(store)
    costs = add_up_costs(planned.todo, workers)
    for part in planned.sets:
        cost = ", ".join(f"{name} {value:,}" for name, value in sorted(costs.get(part.block, {}).items()))
        counts = f"{len(part.todo):>6} to do {part.done:>6} done"
        yield f"{part.block:<14}{part.recipe.folder:<40}{counts}  {cost}"
    yield f"{len(planned.todo)} item(s) for {workers} worker(s)"
