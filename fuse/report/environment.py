"""How pages are made from templates: one environment for all of them, so that each template is compiled once.

Enters: nothing. Leaves: jinja2's environment of the folder `templates`, which escapes all text from files and
refuses a name that is not there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fuse.report import numerals
from fuse.report.forest import shorten
from fuse.report.weights_plot import LONGEST_LABEL
from fuse.verdict.words import counted

TEMPLATES = Path(__file__).parent / "templates"


@cache
def page_environment() -> Environment:
    """Return the environment; landmarks and a validation write several pages in one process."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "decimal": numerals.decimal,
        "signed": numerals.signed,
        "percent": numerals.percent,
        "duration": numerals.duration,
        "counted": counted,
        "brief": lambda label: shorten(label, LONGEST_LABEL),
        "px": lambda value: f"{value:.2f}".rstrip("0").rstrip("."),
    }
    return environment
