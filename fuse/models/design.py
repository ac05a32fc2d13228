"""Tables made ready for a linear model: imputed, standardised, scaled as one block, reduced where wide.

Enters: the values of one modality over the train cases that have it. Leaves: a `Design` that turns the values
of any case into columns of mean 0, and takes coefficients back to the columns it came from, so that a
case is scored by one weighted sum. Everything here is fitted on the rows it is given and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.cases import Modality

#: Wider tables are reduced to this many principal components: more than n = 200 can carry. Of a large train
#: part one for each so many cases is kept (8,880 cases of MultiSurv and 67 columns: C .77, of 32 components
#: .71, because a cancer's own column is thrown away with the rest); up to 2,111 cases it changes nothing.
MAX_COMPONENTS = 32
CASES_PER_COMPONENT = 64

#: An eigenvalue of a smaller share of the largest is rounding.
LEAST_EIGENVALUE = 1e-12

#: Standardised columns end here: one case far out must not be all that a column, or a component, says.
MOST_SD = 5.0

#: A column with fewer values says nothing: two make a spread that a third may leave far behind.
MIN_OBSERVED = 3

#: Share of missing values from which a column may get an indicator of its own.
MIN_MISSING_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Design:
    """How values become columns.

    `mean` and `factor` (column,): a value v becomes (v - mean) * factor, or 0 where it is NaN. `limit` is the
    largest that it can become, `MOST_SD` standard deviations where columns are scaled by their own.
    `indicator_of` (indicator,): columns that have a missing-indicator, with its own mean and factor.
    `components` (column + indicator, component): principal components, or None where the table is
    narrow; none (0 columns) where no train case had the modality. Factors make the total variance of the
    train rows 1, whatever the number of columns: a penalty means the same for 5 variables and for 512
    dimensions, and no block drowns another.
    """

    mean: Float[np.ndarray, " column"]
    factor: Float[np.ndarray, " column"]
    limit: float
    indicator_of: Int[np.ndarray, " indicator"]
    indicator_mean: Float[np.ndarray, " indicator"]
    indicator_factor: Float[np.ndarray, " indicator"]
    components: Float[np.ndarray, "filled component"] | None

    def fill(self, values: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case filled"]:
        """Return imputed, centred and scaled columns, then the indicators."""
        missing = np.isnan(values)
        centred = np.where(missing, 0.0, (values - self.mean) * self.factor)
        np.clip(centred, -self.limit, self.limit, out=centred)
        indicators = (missing[:, self.indicator_of] - self.indicator_mean) * self.indicator_factor
        return np.ascontiguousarray(np.concatenate([centred, indicators], axis=1))

    @property
    def width(self) -> int:
        """Number of columns of `matrix`."""
        whole = len(self.mean) + len(self.indicator_of)
        return whole if self.components is None else self.components.shape[1]

    def matrix(self, values: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case component"]:
        """Return what a linear model is fitted on."""
        filled = self.fill(values)
        return filled if self.components is None else filled @ self.components

    def column_weights(self, coefficients: Float[np.ndarray, " component"]) -> Float[np.ndarray, " filled"]:
        """Return coefficients of `matrix` as weights of the columns of `fill`."""
        return coefficients if self.components is None else self.components @ coefficients


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What a design made of the present rows of a modality."""

    design: Design
    rows: Float[np.ndarray, "present filled"]


def filled_rows(design: Design, modality: Modality) -> Float[np.ndarray, "present filled"]:
    """Return `fill` of the rows that have the modality, read-only.

    The modality remembers the last: every setting and most arms of a train part ask for the same.
    """
    if not modality.filled or modality.filled[0].design is not design:
        rows = design.fill(modality.values[modality.present])
        rows.flags.writeable = False
        modality.filled[:] = [Filled(design=design, rows=rows)]
    return modality.filled[0].rows


def matrix_of(design: Design, modality: Modality) -> Float[np.ndarray, "present component"]:
    """Return `matrix` of the rows that have the modality."""
    filled = filled_rows(design, modality)
    return filled if design.components is None else filled @ design.components


def design_of(modality: Modality, missing_indicators: bool = False) -> Design:
    """Return the design of a modality's own rows, fitted when it is first asked for."""
    if missing_indicators not in modality.designs:
        values = modality.values[modality.present]
        modality.designs[missing_indicators] = fit_design(values, modality.scale_columns, missing_indicators)
    return modality.designs[missing_indicators]


def fit_design(
    values: Float[np.ndarray, "case column"], scale_columns: bool, missing_indicators: bool = False
) -> Design:
    """Fit a design on the rows of the train cases that have the modality.

    Parameters
    ----------
    values
        (case, column) float64, NaN where not observed.
    scale_columns
        Whether each column is divided by its own standard deviation; otherwise all by one number.
    missing_indicators
        Whether columns with a share of 5 % or more missing get a 0/1 column that says so (one for each
        distinct pattern of missingness).
    """
    if not len(values):
        return _empty_design(values.shape[1])
    missing = np.isnan(values)
    mean, sd = _observed_mean_sd(values, missing)
    usable = (sd > 1e-9 * np.maximum(np.abs(mean), 1e-3)) & ((~missing).sum(axis=0) >= MIN_OBSERVED)
    factor = np.where(usable, 1.0 / np.where(usable, sd, 1.0), 0.0) if scale_columns else usable.astype(float)
    indicator_of = _indicator_columns(missing) if missing_indicators else np.empty(0, dtype=np.intp)
    indicator_mean = missing[:, indicator_of].mean(axis=0)
    unit = np.sqrt(np.mean((sd * factor)[usable] ** 2)) if usable.any() else 1.0
    indicator_factor = unit / np.sqrt(indicator_mean * (1.0 - indicator_mean))
    limit = MOST_SD if scale_columns else np.inf
    plain = Design(
        mean=mean,
        factor=factor,
        limit=limit,
        indicator_of=indicator_of,
        indicator_mean=indicator_mean,
        indicator_factor=indicator_factor,
        components=None,
    )
    total = np.sqrt(np.sum(np.mean(plain.fill(values) ** 2, axis=0)))
    block = 1.0 / total if total > 0 else 0.0
    scaled = Design(
        mean=mean,
        factor=factor * block,
        limit=limit * block if block > 0 else limit,
        indicator_of=indicator_of,
        indicator_mean=indicator_mean,
        indicator_factor=indicator_factor * block,
        components=None,
    )
    components = _principal_components(scaled.fill(values))
    return Design(**{**vars(scaled), "components": components})


def _empty_design(columns: int) -> Design:
    """Return what is learned from no row: values of any case become no column at all."""
    none = np.empty(0)
    return Design(
        mean=np.zeros(columns),
        factor=np.zeros(columns),
        limit=np.inf,
        indicator_of=np.empty(0, dtype=np.intp),
        indicator_mean=none,
        indicator_factor=none,
        components=np.empty((columns, 0)),
    )


def _observed_mean_sd(
    values: Float[np.ndarray, "case column"], missing: Bool[np.ndarray, "case column"]
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, " column"]]:
    """Return mean and standard deviation of what was observed; 0 and 0 for a column without any value."""
    count = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, values).sum(axis=0) / count
    variance = np.where(missing, 0.0, (values - mean) ** 2).sum(axis=0) / count
    return mean, np.sqrt(variance)


def _indicator_columns(missing: Bool[np.ndarray, "case column"]) -> Int[np.ndarray, " indicator"]:
    """Return the first column of each distinct pattern of missingness that is neither rare nor constant."""
    share = missing.mean(axis=0)
    neither = np.flatnonzero((share >= MIN_MISSING_SHARE) & (share < 1.0))
    _, first = np.unique(missing[:, neither], axis=1, return_index=True)
    return np.asarray(neither[np.sort(first)], dtype=np.intp)


def _principal_components(
    filled: Float[np.ndarray, "case filled"],
) -> Float[np.ndarray, "filled component"] | None:
    """Return the leading right singular vectors of a wide table, each with its largest entry positive.

    By the eigenvectors of the smaller of the two products of the table with itself: three times as quick as
    the singular values themselves, and as exact for components that are kept.
    """
    cases, columns = filled.shape
    most = max(MAX_COMPONENTS, cases // CASES_PER_COMPONENT)
    if columns <= most:
        return None
    if cases < columns:
        size, left = _leading(filled @ filled.T, most)
        vectors = filled.T @ (left / np.sqrt(size))
    else:
        _, vectors = _leading(filled.T @ filled, most)
    largest = np.argmax(np.abs(vectors), axis=0)
    sign = np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return np.ascontiguousarray(vectors * sign)


def _leading(
    product: Float[np.ndarray, "side side"], most: int
) -> tuple[Float[np.ndarray, " component"], Float[np.ndarray, "side component"]]:
    """Return the largest eigenvalues that are not rounding, at least one and `most` of them."""
    size, vectors = np.linalg.eigh(product)
    order = np.arange(len(size))[::-1][:most]
    kept = order[size[order] > LEAST_EIGENVALUE * max(float(size[-1]), 1e-300)]
    kept = kept if len(kept) else order[:1]
    return np.maximum(size[kept], 1e-300), vectors[:, kept]
