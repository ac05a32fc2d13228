"""xgboost without what it imports beside: a second of every process that boosts.

Enters: nothing. Leaves: the library. Where it finds scikit-learn it makes its trees into estimators of that
kind, and imports it with scipy.stats and pandas for it, four fifths of its own import. Braid boosts through
xgboost's own interface; who needs its estimators in the same process imports xgboost or scikit-learn first.
"""

from __future__ import annotations

import sys
from types import ModuleType


def import_xgboost() -> ModuleType:
    """Return xgboost; where scikit-learn has not been imported yet, it is not imported for it."""
    if "xgboost" not in sys.modules and "sklearn" not in sys.modules:
        hidden: dict[str, ModuleType | None] = {"sklearn": None}  # Python's mark of what cannot be imported
        sys.modules.update(hidden)  # type: ignore[arg-type]  # see above
        try:
            import xgboost
        finally:
            del sys.modules["sklearn"]
    import xgboost

    return xgboost
