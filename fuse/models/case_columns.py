"""The columns that a model other than a weighted sum is fitted on, made of each case alone.

Enters: the values of one modality. Leaves: imputed columns with indicators of what is missing, of about unit
variance; of a wide table its principal components. A case's columns are bitwise the same alone and in a
group, so that the thresholds of a tree cannot tell the two apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases, Modality
from fuse.models.design import Design, fit_design


@dataclass(frozen=True, kw_only=True)
class CaseColumns:
    """Fitted on the train cases that have the modality; `factor` gives columns a mean variance of 1."""

    modality: str
    design: Design
    factor: float
    reduced: bool

    def of(self, cases: Cases) -> Float[np.ndarray, "present column"]:
        """Return the columns of the cases that have the modality, in their order."""
        modality = cases.modalities[self.modality]
        filled = self.design.fill(modality.values[modality.present]) * self.factor
        components = self.design.components
        if not self.reduced or components is None:
            return filled
        columns = np.empty((len(filled), components.shape[1]))
        for row, values in enumerate(filled):  # a product of matrices sums in an order that hangs on its size
            np.sum(values[:, None] * components, axis=0, out=columns[row])
        return columns


def fit_case_columns(modality: Modality, widest: int) -> CaseColumns:
    """Fit on a train part; a table that has more than `widest` columns is reduced to its components."""
    values = modality.values[modality.present]
    design = fit_design(values, modality.scale_columns, missing_indicators=True)
    width = len(design.factor) + len(design.indicator_of)
    reduced = width > widest and design.components is not None
    used = int(np.count_nonzero(design.factor)) + len(design.indicator_of)
    if reduced and design.components is not None:
        used = design.components.shape[1]
    return CaseColumns(modality=modality.name, design=design, factor=math.sqrt(max(used, 1)), reduced=reduced)
