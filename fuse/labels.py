"""What arms, files and tables call a feature set: `slides`, and a further one of slides `slides:uni`.

Enters: the feature sets that a protocol chose for a modality. Leaves: one label each. The first set of a
modality is called as the modality, so that a run on one set each reads as if there were no labels. Where the
protocol leaves the choice to each train part, `slides:best` is whichever of the sets was chosen there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

#: What stands after the modality in the label of a choice; no feature set is called so.
BEST = "best"


def label_sets(modality: str, names: Sequence[str]) -> dict[str, str]:
    """Return label -> feature set: the first is called as its modality, each further one by its recipe too.

    >>> label_sets("slides", ["stain-0123456789ab", "uni-0123456789ab"])
    {'slides': 'stain-0123456789ab', 'slides:uni': 'uni-0123456789ab'}
    """
    recipes = [_one_word(recipe_of(name)) for name in names]
    labels: dict[str, str] = {}
    for name, recipe in zip(names, recipes, strict=True):
        # two sets of one recipe name (other weights, say) are told apart by their hashes
        own = recipe if recipes.count(recipe) == 1 and recipe != BEST else _one_word(name)
        labels[f"{modality}:{own}" if labels else modality] = name
    return labels


def modality_of(label: str) -> str:
    """Return the modality of a feature set by its label.

    >>> modality_of("slides"), modality_of("slides:uni")
    ('slides', 'slides')
    """
    return label.partition(":")[0]


def choice_label(modality: str) -> str:
    """Return the label of the choice among the sets of a modality.

    >>> choice_label("slides")
    'slides:best'
    """
    return f"{modality}:{BEST}"


def is_choice(label: str) -> bool:
    """Return whether a label stands for a choice among sets rather than for one."""
    return label.partition(":")[2] == BEST


def candidates_of(label: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return the sets that a choice chooses among, in the order of `labels`.

    >>> candidates_of("slides:best", ["clinical", "slides", "slides:best", "slides:uni"])
    ('slides', 'slides:uni')
    """
    modality = modality_of(label)
    return tuple(one for one in labels if modality_of(one) == modality and not is_choice(one))


def recipe_of(feature_set: str) -> str:
    """Return the recipe's name in the name of a feature set, `<recipe>-<hash12>`."""
    return feature_set.rpartition("-")[0]


def _one_word(name: str) -> str:
    """Return a name that can stand in an arm's, where a + joins the labels."""
    return name.replace("+", "_")
