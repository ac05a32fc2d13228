"""YAML as Braid reads it everywhere: plain values only, no key twice, and nothing that grows on reading.

Enters: a file. Leaves: its document. PyYAML lets the last of two equal keys win without a word; a second
`prediction_day` or `excluded` further down would undo the first. Nine lines of aliases stand for a thousand
million values as soon as somebody walks them, so what a document stands for is counted while it is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

#: Bytes of a file. A card of 400 variables has some 100 kB, and PyYAML reads as much in a second.
MOST_BYTES = 2**20
#: Values that a document stands for, aliases counted as often as they are used.
MOST_VALUES = 100_000
#: Levels of nesting; a card has six.
MOST_LEVELS = 32


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing a mapping that has a key twice and a document without measure."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels = 0
        #: values that a node stands for, by its identity; absent while it is being read
        self._values: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node, counted."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # of types-PyYAML
        self._levels += 1
        if self._levels > MOST_LEVELS:
            raise _refusal(f"more than {MOST_LEVELS} levels of nesting", event)
        node = super().compose_node(parent, index)
        self._levels -= 1
        if node is None:
            return None
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self._values:
                raise _refusal(f"the alias {event.anchor} inside what it stands for", event)
            return node
        self._values[id(node)] = 1 + sum(self._values[id(inner)] for inner in _inner(node))
        if self._values[id(node)] > MOST_VALUES:
            raise _refusal(f"more than {MOST_VALUES:,} values", event)
        return node

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

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node; 2024-13-45, or a number of 5,000 digits, is an error of the file."""
        try:
            return super().construct_object(node, deep)
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, "a date or number that is none", node.start_mark
            ) from None


def read_yaml(path: Path) -> Any:
    """Return the document of a YAML file in UTF-8.

    Raises
    ------
    yaml.YAMLError
        It is no YAML, holds something else than plain values, a key twice, or more than can be meant.
    UnicodeDecodeError
        It is not in UTF-8.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise yaml.YAMLError(f"a file of {size:,} bytes where at most {MOST_BYTES:,} can be meant")
    loader = _StrictLoader(path.read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [inner for pair in node.value for inner in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refusal(what: str, event: Any) -> yaml.YAMLError:
    return yaml.composer.ComposerError(None, None, what, event.start_mark)
