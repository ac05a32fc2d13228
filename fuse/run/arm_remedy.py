"""What to do about an arm that was not run.

Enters: the reason that stands in its record. Leaves: the remedy that run.json, the page and a reader get with
it. A library that is absent can be installed; a model that cannot learn what is asked has to be left out.
"""

from __future__ import annotations

from fuse.arm_plans import ENTERS_LATE, NOT_INSTALLED, STACKS_ONE_NOT_RUN


def remedy_of(reason: str) -> str:
    """Return what mends the reason for which an arm was not run (those of `arm_plans`)."""
    from fuse.models.registry import MODEL_CARDS

    if reason == ENTERS_LATE:
        able = ", ".join(name for name, card in MODEL_CARDS.items() if card.late_entry)
        return f"Use --protocol late_entry, or one of your own of models that honour entry: {able}."
    if reason.endswith(NOT_INSTALLED):
        return (
            "Install it (README, Installation), or use a protocol without this arm (torchfree has no torch)."
        )
    if reason == STACKS_ONE_NOT_RUN:
        return "Mend what kept that arm from running, or name others under `over`."
    if reason.startswith("it learns "):
        return "Use a protocol for this kind of endpoint (classes, competing), or leave the arm out."
    return "Extract the modality, or take it out of the card's `modalities` or out of the protocol."
