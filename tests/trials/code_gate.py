"""S8: no line of ours unpickles, evaluates, starts a shell, parses XML unguarded or opens a connection.

Enters: the checkout (neither counts nor seed play a part). Leaves: measured rows: every line of the three
packages and the scripts that is on the list, from their syntax trees, under whatever name it was imported.
What a library does with a file is the other trials' matter; this is about what we ask it to do. It runs at
every commit (tests/test_trials_quick.py); that it sees what it has to see stands in tests/test_code_gate.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.measurement import ROOT, Measured
from tests.trials.trial import Counts, Tally

ROOMS = ("extract", "feature_cache", "fuse", "scripts")
#: The one file that reads pickled weights, and how.
WEIGHTS = "extract/encoders/weights.py"
#: The one file that runs code that came with weights: by leave (--trust-remote-code), and only as hashed.
MAKERS_CODE = "extract/encoders/makers_code.py"
RUN_BY_LEAVE = {"exec", "compile"}
#: Modules that run what they read, or speak to the network; `name` alone of one may be imported where listed.
FORBIDDEN_MODULES = {
    "pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle",
    "socket", "socketserver", "ssl", "ftplib", "smtplib", "telnetlib", "http.client", "http.server",
    "urllib.request", "requests", "httpx", "aiohttp", "xmlrpc", "pty", "code", "ctypes",
    "xml.etree", "xml.dom", "xml.sax", "xml.parsers", "lxml",
}  # fmt: skip
#: Exceptions of such modules run nothing.
HARMLESS = {("pickle", "UnpicklingError"), ("xml.etree.ElementTree", "ParseError")}
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "input",
    "os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv", "tempfile.mktemp",
    "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load",
    "yaml.full_load_all", "pickle.load", "pickle.loads", "joblib.load", "torch.jit.load", "torch.hub.load",
    "torch.package.PackageImporter", "numpy.fromstring", "shutil.unpack_archive",
}  # fmt: skip
FORBIDDEN_METHODS = {"extractall", "load_source", "read_pickle", "to_pickle"}
FORBIDDEN_NAMES = {"yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader"}
#: Keywords that may be given this value alone, and not one that is computed.
ONLY = {
    "shell": "False",
    "allow_pickle": "False",
    "trust_remote_code": "False",
    "weights_only": "True",
    "autoescape": "True",
    "verify": "True",
}


def code_gate(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Read every file of the packages and the scripts."""
    del work, counts, seed
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    tally = Tally("cache/code_gate_", f"S8: {len(files)} files of {', '.join(ROOMS)}")
    for path in files:
        file = path.relative_to(ROOT).as_posix()
        found = [
            f"line {line}: {what}"
            for line, what in findings(ast.parse(path.read_text(encoding="utf-8")), file)
        ]
        tally.count("files_with_a_hit", bool(found), f"{file}: {found}")
    return tally.rows()


def findings(tree: ast.AST, file: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of everything that is not allowed in a file, named relative to the checkout."""
    whole_names = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, f"import {a.name}") for a in node.names if _is_forbidden(a.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                harmless = (node.module, alias.name) in HARMLESS
                if not harmless and (_is_forbidden(node.module) or _is_forbidden(whole)):
                    yield node.lineno, f"from {node.module} import {alias.name}"
        elif isinstance(node, ast.Attribute | ast.Name) and _whole(node, whole_names) in FORBIDDEN_NAMES:
            yield node.lineno, _whole(node, whole_names)
        elif isinstance(node, ast.Call):
            yield from _in_call(node, _whole(node.func, whole_names), file)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for: `np` for numpy, `load` for yaml.load."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _whole(node: ast.expr, names: dict[str, str]) -> str:
    """Return `yaml.load` for `y.load` and for `load`, as they were imported."""
    first, dot, rest = ast.unparse(node).partition(".")
    return f"{names.get(first, first)}{dot}{rest}".removeprefix("builtins.")


def _in_call(node: ast.Call, call: str, file: str) -> Iterator[tuple[int, str]]:
    keywords = {(keyword.arg, ast.unparse(keyword.value)) for keyword in node.keywords}
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    by_leave = file == MAKERS_CODE and call in RUN_BY_LEAVE
    if (call in FORBIDDEN_CALLS and not by_leave) or method in FORBIDDEN_METHODS:
        yield node.lineno, call
    if call == "torch.load" and (file != WEIGHTS or ("weights_only", "True") not in keywords):
        yield node.lineno, "torch.load"
    for name, value in sorted((str(name), value) for name, value in keywords):
        if ONLY.get(name, value) != value:
            yield node.lineno, f"{name}={value}"


def _is_forbidden(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in FORBIDDEN_MODULES)
