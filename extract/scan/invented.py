"""A synthetic cohort keeps saying so: its card must not pass for that of the real download it imitates.

Enters: a root and a draft. Leaves: the draft with title, citation, licence and site of invented patients,
where the root holds the marker file that `python -m extract synthetic` writes.
"""

from __future__ import annotations

from pathlib import Path

from extract.scan.drafting import Draft

MARKER = "SYNTHETIC.txt"
#: What `synthetic` writes beside the imitated download; no layout takes it for a file of a case.
BESIDE = frozenset([MARKER, "truth.json"])
MARKER_TEXT = "Written by `python -m extract synthetic`. No patient is real; truth.json holds the answer.\n"


def mark_invented(draft: Draft, root: Path) -> None:
    """Change the card of a draft where the root is a synthetic cohort."""
    if (root / MARKER).is_file():
        draft.card |= {
            "title": f"Synthetic: files in the layout of {draft.card['title']}",
            "citation": "none, the patients are invented",
            "licence": "none needed, the patients are invented",
            "sites": ["synthetic"],
        }
        draft.site = "synthetic"
