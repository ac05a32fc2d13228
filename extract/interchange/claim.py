"""What is claimed of features that somebody else made, held against what can be known, and made an identity.

Enters: the words of the command line, the encoder's card, what the files tell. Leaves: the recipe of an
imported feature set. Weights that nobody states are unknown, and unknown never equals unknown: the recipe
then holds the files themselves, so that only the very same files give the same feature set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from extract.encoders.networks import choose_variant
from extract.encoders.registry import encoder_cards
from extract.interchange.bag import Told
from feature_cache.canonical import Json, sha256_of_json
from feature_cache.errors import RecipeError, SourceError
from feature_cache.recipe import ResolvedRecipe

MODALITY = "slides"
#: Bumped by hand when the same files give other numbers.
INTERCHANGE_ALGORITHM = 1
#: By how much a tile's true field of view may differ from tile_px x mpp. Objectives are rounded by less where
#: a scanner's mpp is .2428 or .2527 for .25; .2266 is farther off and is refused.
FIELD_TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a user says of the features: all that no file proves.

    `mpp` is that of the pixels the network saw, `tile_px` their number a side (None: the files tell). `dim`
    is given for an encoder without a card. `weights_sha256` (64 hex digits) and `revision` are None where
    unknown. `off_card` lets the scale be another than the card's.
    """

    encoder: str
    mpp: float
    variant: str | None = None
    dim: int | None = None
    tile_px: int | None = None
    weights_sha256: str | None = None
    revision: str | None = None
    off_card: bool = False

    def check(self) -> int:
        """Return the length of an embedding, by the card or as given.

        Raises
        ------
        RecipeError
            The encoder has no card and no `dim` is given, the card contradicts mpp, variant or length, or the
            hash is none.
        """
        if self.weights_sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.weights_sha256):
            raise _refused(
                "--weights-sha256", "64 hex digits", self.weights_sha256, "Leave it out if unknown."
            )
        known = {card.name: card for card in encoder_cards(MODALITY)}
        if self.encoder not in known:
            if self.dim is None:
                raise _refused(
                    f"--encoder {self.encoder}",
                    f"one of {', '.join(known)}",
                    "a name that no card has",
                    "Mend the name; for an encoder without a card give --dim, the length of its embeddings.",
                )
            return self.dim
        card = choose_variant(known[self.encoder], self.variant)
        if card.mpp and self.mpp not in card.mpp and not self.off_card:
            scales = " or ".join(map(str, card.mpp))
            remedy = "Mend it; if they were made so, say --off-card: it is then kept with the features."
            raise _refused(f"--mpp {self.mpp:g}", f"{scales} um for {card.name}", f"{self.mpp:g}", remedy)
        if card.dim is None or self.dim not in (None, card.dim):
            raise _refused(f"--dim {self.dim}", f"{card.dim}, of {card.name}", f"{self.dim}", "Leave it out.")
        return card.dim

    def doubts(self, recipe: ResolvedRecipe) -> tuple[str, ...]:
        """Return how the features depart from the encoder's card: nobody knows how the tiles were fitted."""
        card = next((card for card in encoder_cards(MODALITY) if card.name == self.encoder), None)
        found = []
        if card is not None and card.mpp and self.mpp not in card.mpp:
            found.append("the encoder saw another scale than its card says")
        tile_px = recipe.settings["tile_px"]
        if card is not None and card.input_px not in (None, tile_px):
            found.append(
                f"tiles of {tile_px} px for an encoder of {card.input_px} px: resized or cut by the maker"
            )
        return tuple(found)

    def resolve(self, source: str, name: str, told: Iterable[Told], files: Iterable[str]) -> ResolvedRecipe:
        """Return the recipe of the set.

        Parameters
        ----------
        source, name
            The neighbour, and what the recipe is to be called.
        told
            What each slide's files tell; they must agree.
        files
            The sha256 of every file of the set, in any order.

        Raises
        ------
        SourceError
            The files are of several encoders or tile sizes, or contradict the claim.
        RecipeError
            Nobody says how many pixels a tile has.
        """
        common = _common(source, told)
        tile_px = common.tile_px if self.tile_px is None else self.tile_px
        if tile_px is None:
            remedy = "Give --tile-px: the side of a tile in pixels of --mpp um."
            raise _refused("--tile-px", "a number, as the files tell none", "none", remedy)
        if common.tile_px not in (None, tile_px):
            raise _contradicted(source, f"tiles of {common.tile_px} px", f"--tile-px {tile_px}")
        if (other := self._another_card(common.encoder)) is not None:
            raise _contradicted(source, f"the encoder {other}", f"--encoder {self.encoder}")
        if common.mpp is not None and abs(self.mpp / common.mpp - 1) > common.mpp_slack:
            raise _contradicted(source, f"tiles at {common.mpp:g} um per pixel", f"--mpp {self.mpp:g}")
        settings: dict[str, Json] = {
            "origin": "imported",
            "source": source,
            "encoder": {
                "name": self.encoder,
                "variant": self.variant,
                "dim": self.check(),
                "revision": self.revision,
            },
            "told": {"encoder": common.encoder, "maker": common.maker},
            "mpp": float(self.mpp),
            "tile_px": tile_px,
            "off_card": self.off_card,
            "weights_sha256": self.weights_sha256,
            "files_sha256": None if self.weights_sha256 else sha256_of_json(sorted(files)),
            "algorithm": {"interchange": INTERCHANGE_ALGORITHM},
        }
        return ResolvedRecipe(name=name, modality=MODALITY, settings=settings)

    def _another_card(self, told: str | None) -> str | None:
        """Return the name of a card where the files name its encoder and another card is claimed.

        Neighbours have names of their own (hoptimus0, uni_v1): one that no card has contradicts nothing.
        """
        names = {_plain(card.name): card.name for card in encoder_cards(MODALITY)}
        meant = names.get(_plain(told or ""))
        return None if meant == self.encoder or self.encoder not in names.values() else meant


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _common(source: str, told: Iterable[Told]) -> Told:
    """Return what all files tell; `SourceError` where they tell different things."""
    several = sorted(set(told), key=str)
    if len(several) == 1:
        return several[0]
    described = "; ".join(
        f"{one.encoder or 'no name'} {one.maker or ''} {one.tile_px} px at {one.mpp} um"
        for one in several[:4]
    )
    raise SourceError(
        f"{source} files",
        expected="files of one encoder, one tile size and one scale",
        got=f"{len(several)} kinds: {described}" if several else "none",
        remedy="Import each of them from a folder of its own.",
    )


def _contradicted(source: str, told: str, given: str) -> SourceError:
    return SourceError(
        f"{source} files", expected=f"what they tell: {told}", got=given, remedy="Mend the command."
    )


def _refused(where: str, expected: str, got: str, remedy: str) -> RecipeError:
    return RecipeError(where, expected=expected, got=got, remedy=remedy)
