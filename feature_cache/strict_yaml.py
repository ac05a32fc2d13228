"""YAML as Braid reads it everywhere: plain values only, and no key twice.

Enters: a file. Leaves: its document. PyYAML lets the last of two equal keys win without a word; a second
`prediction_day` or `excluded` further down would undo the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing a mapping that has a key twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Return the node as written, before `<<` brings in keys that may be overridden."""
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.composer.ComposerError(
                        None, None, f"the key {key.value} is there twice", key.start_mark
                    )
                seen.add((key.tag, key.value))
        return node


def read_yaml(path: Path) -> Any:
    """Return the document of a YAML file in UTF-8.

    Raises
    ------
    yaml.YAMLError
        It is no YAML, holds something else than plain values, or a key twice.
    UnicodeDecodeError
        It is not in UTF-8.
    """
    loader = _StrictLoader(path.read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
