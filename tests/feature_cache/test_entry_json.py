from __future__ import annotations

import json

import pytest

from feature_cache.canonical import sha256_of_json
from feature_cache.entry_json import open_document, seal_document

BODY = {"b": [1, 2.5, None], "a": {"x": "ä\x1f\n", "y": []}, "c": [{"k": True}, [1, 2]], "tiny": 1e-05}


def test_a_sealed_document_comes_back() -> None:
    document = open_document(seal_document(BODY))
    assert {name: value for name, value in document.items() if name != "entry_sha256"} == BODY


def test_it_is_readable_sorted_and_the_same_whatever_the_order() -> None:
    raw = seal_document(BODY)
    assert raw == seal_document(dict(reversed(list(BODY.items()))))
    text = raw.decode()
    assert list(json.loads(text)) == sorted([*BODY, "entry_sha256"])
    assert '\n  "b": [1, 2.5, null],\n' in text


@pytest.mark.parametrize("text", ["QUJD" * 500, "ä" * 2000, 'a"b' * 700, "a\\" * 700, "\x7f" * 1500])
def test_long_texts_are_written_as_short_ones(text: str) -> None:
    body = {"arrays": {"x": {"data": text}, "a": [{"b": 1, "a": text}]}, **BODY}
    raw = seal_document(body)
    document = open_document(raw)
    assert document.pop("entry_sha256") == sha256_of_json(body) and document == body
    assert json.dumps(text, ensure_ascii=False).encode() in raw


def test_lists_of_lists_have_a_line_a_list() -> None:
    rows = {"a": [[1.5, None], [], [2]], "b": [["], ["], [1]], "c": [[1], [[2], [3]]], "d": [[{}], [1]]}
    lines = seal_document(rows).decode().splitlines()
    assert lines[1:-2] == [
        '  "a": [',
        "    [1.5, null],",
        "    [],",
        "    [2]",
        "  ],",
        '  "b": [',
        '    ["], ["],',
        "    [1]",
        "  ],",
        '  "c": [',
        "    [1],",
        "    [",
        "      [2],",
        "      [3]",
        "    ]",
        "  ],",
        '  "d": [',
        "    [",
        "      {}",
        "    ],",
        "    [1]",
        "  ],",
    ]


def test_every_flipped_bit_is_found() -> None:
    raw = seal_document(BODY)
    for bit in range(len(raw) * 8):
        altered = bytearray(raw)
        altered[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(ValueError, match=r"no JSON|does not match|other bytes|no entry_sha256"):
            open_document(bytes(altered))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"entry_sha256": 1}',
        b"\xff",
        b"[" * 100_000,
        b'{"a": NaN, "entry_sha256": ""}',
    ],
)
def test_what_is_no_document_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        open_document(raw)


def test_the_same_content_in_other_bytes_is_refused() -> None:
    compact = json.dumps(json.loads(seal_document(BODY)), sort_keys=True).encode()
    with pytest.raises(ValueError, match="other bytes"):
        open_document(compact)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        seal_document({"a": value})


def test_what_entries_of_a_set_share_is_written_and_read_like_all_else() -> None:
    shared = {"variables": [{"name": "ä", "codes": {}}, {"name": "=b", "day": -1.5}], "states": ["x", "y"]}
    for number in range(3):
        body = {"attrs": shared, "other": shared, "settings": {**shared, "n": number}, "used": {}}
        raw = seal_document(body)
        lines = raw.decode()
        assert lines.count('        "name": "ä"') == 3 and f'    "n": {number},' in lines
        document = open_document(raw)
        assert document.pop("entry_sha256") == sha256_of_json(body) and document == body
        attrs, other = (lines.split(f'  "{name}": ')[1].split("\n  },\n")[0] for name in ("attrs", "other"))
        assert attrs == other
        with pytest.raises(ValueError, match="other bytes"):
            open_document(raw.replace(b'        "day": -1.5', b'        "day":  -1.5', 1))
