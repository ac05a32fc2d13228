"""Tensors that are read only where they are those of the card's network.

Enters: weights, and a function that refuses the shapes of another network. Leaves: the tensors, or a refusal;
before a run, from the files' headers alone where they have any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from extract.encoders.networks import Shape, shapes_of
from extract.encoders.weights import Weights, read_shapes, read_state

if TYPE_CHECKING:
    from torch import Tensor

#: Raises `RecipeError` for shapes, by name, of another network.
Refuse = Callable[[dict[str, Shape]], None]


def read_tensors(weights: Weights, refuse: Refuse) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint once `refuse` has seen their shapes."""
    state = read_state(weights)
    refuse(shapes_of(state))
    return state


def check_headers(weights: Weights, refuse: Refuse) -> None:
    """Let `refuse` see the shapes in the headers; a pickled file has none and is told when it is loaded."""
    shapes = read_shapes(weights)
    if shapes is not None:
        refuse(shapes)
