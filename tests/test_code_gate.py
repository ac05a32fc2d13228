"""The gate of S8 sees what it has to see. That it finds nothing in our code is among the quick trials."""

from __future__ import annotations

import ast

import pytest

from tests.trials.code_gate import MAKERS_CODE, WEIGHTS, findings


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib, os",
        "from urllib import request",
        "import urllib.request",
        "from socket import socket",
        "from xml.etree import ElementTree",
        "import xml.etree.ElementTree as et",
        "from lxml import etree",
        "torch.load(path, weights_only=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "class L(yaml.Loader): pass",
        "subprocess.run(command, shell=True)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "archive.extractall(folder)",
        "Environment(autoescape=False)",
    ],
)
def test_the_gate_sees(line: str) -> None:
    assert list(findings(ast.parse(line), "extract/slides/reader.py")) != []


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("torch.load(path, map_location='cpu', weights_only=True)", WEIGHTS),
        ("from pickle import UnpicklingError", WEIGHTS),
        ("exec(compile(source, name, 'exec'), space)", MAKERS_CODE),
        ("from urllib.parse import quote", "feature_cache/names.py"),
        ("np.load(path, allow_pickle=False)", "fuse/features/bags.py"),
        ("from defusedxml.ElementTree import fromstring", "extract/slides/tiff_pages.py"),
        ("class L(yaml.SafeLoader): pass", "feature_cache/strict_yaml.py"),
    ],
)
def test_the_gate_lets_pass(line: str, file: str) -> None:
    assert list(findings(ast.parse(line), file)) == []


def test_weights_are_not_loaded_whole_even_there() -> None:
    assert list(findings(ast.parse("torch.load(path)"), WEIGHTS)) == [(1, "torch.load")]
