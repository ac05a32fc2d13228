"""Names that mean something to a file system, a shell or a codec: as ids, as paths, as links.

Enters: nothing. Leaves: texts. Every path leads to something readable outside the root, or to nothing at all.
"""

from __future__ import annotations

from pathlib import Path

#: Ids that a table can hold. Each is an id like any other: it gets an entry, under an encoded name.
IDS = (
    "..",
    "../../outside/new",
    "/etc/../outside",
    ".",
    "a/b",
    "nul",
    "..\\..\\outside",
    "CON.txt",
    "%2e%2e%2foutside",
    "_tmp",
    "aux",
    "_trash/x",
    ".hidden",
    "COM1",
    "lpt9.tif",
    "C:\\outside",
    "\\\\server\\share",
    "x" * 300,
    "ü" * 120,
    "trailing.",
    "trailing ",
    " leading",
    "new\nline",
    "tab\there",
    "quote\"'s",
    "~root",
    "$HOME",
    "`id`",
    "a~0123456789abcdef0123456789abcdef",
    "%",
    "con",
    "\u202egnp.exe",
    "e\u0301",
    "--option",
    "*",
)

#: Links below the root, and where they lead; `{box}` is the folder that holds root and outside.
LINKS = {
    "link.txt": "{box}/outside/secret.txt",
    "link.tif": "{box}/outside/secret.tif",
    "link.mha": "{box}/outside/secret.mha",
    "folder": "{box}/outside",
    "relative": "../outside",
    "up": "..",
    "loop": "loop",
    "devices": "/dev",
}


def paths_from(box: Path) -> tuple[str, ...]:
    """Return paths for a manifest; `{end}` is the ending of the kind of file that is listed."""
    return (
        "../outside/secret{end}",
        "folder/secret{end}",
        f"{box}/outside/secret{{end}}",
        "link{end}",
        "a/../../outside/secret{end}",
        "relative/secret{end}",
        "./../outside/secret{end}",
        "up/outside/secret{end}",
        "../raw-beside/secret{end}",
        "..%2foutside%2fsecret{end}",
        "..\\outside\\secret{end}",
        "%2e%2e/outside/secret{end}",
        f"file://{box}/outside/secret{{end}}",
        "folder/../outside/secret{end}",
        "up/raw/../outside/secret{end}",
        "~/secret{end}",
        "$HOME/secret{end}",
        "loop/secret{end}",
        "devices/zero",
        "pipe.txt",
        ".",
        "   ",
        "/",
        "x" * 300 + "{end}",
        "d/" * 2500 + "secret{end}",
        "nul{end}",
        "//{end}",
        "https://example.org/secret{end}",
    )
