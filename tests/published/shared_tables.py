"""Where published tables lie beside the checkout, and the row that says that they do not."""

from __future__ import annotations

from pathlib import Path

from tests.measurement import ROOT, Measured

SHARED = ROOT.parent / "shared/data/tables"


def absent(name: str, unit: str, path: Path) -> list[Measured]:
    """Return the row of something that could not be measured here."""
    where = f"../{path.relative_to(ROOT.parent)}" if path.is_relative_to(ROOT.parent) else path.name
    return [
        Measured(
            name=name, value=None, unit=unit, bar=None, met=None, input=f"not measured: {where} is absent"
        )
    ]
