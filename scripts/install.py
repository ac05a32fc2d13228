"""Set up .venv: `all` that `make demo` and `make test` need, or what stage 2 needs alone (`fuse`).

Enters: all | fuse, and TORCH = auto (default) | cuda | none | installed. Leaves: .venv. With auto, torch is
installed only where it comes as a CPU build: a dry run asks the package index first, and where torch would
bring CUDA packages it is left out, which is said. Only the standard library is used here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
TORCH = "torch==2.13.0"
EXTRAS = {"all": "extract,fuse,dev", "fuse": "fuse"}
#: What comes along where torch does. timm and MONAI are there for the tests of encoders and segmenters.
TORCH_EXTRAS = {"all": ["mil", "timm", "segment"], "fuse": ["mil"]}
CUDA_NAMES = ("nvidia-", "cuda-", "triton")
NO_CPU_TORCH = """\
torch: the package index offers only a build with CUDA packages (gigabytes), so torch is left out:
attention-MIL and encoders with weights will not run. Install your platform's CPU torch 2.13.0 and say
TORCH=installed, or ask for the CUDA build with TORCH=cuda."""


def pip(*arguments: str) -> str:
    """Run pip of the environment and return what it prints; its complaints stay visible."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def torch_brings_cuda() -> bool:
    """Ask pip what installing torch would bring, without installing it."""
    ask = ("install", "--dry-run", "--quiet", "--ignore-installed", "--report", "-")
    report = json.loads(pip(*ask, "-c", "constraints.txt", TORCH))
    names = [item["metadata"]["name"].lower() for item in report["install"]]
    return any(name.startswith(CUDA_NAMES) for name in names)


def main(rooms: str, choice: str) -> None:
    """Create the environment and install into it."""
    if choice not in ("auto", "cuda", "none", "installed"):
        sys.exit(f"TORCH={choice}: expected auto, cuda, none or installed")
    if sys.version_info < (3, 11):
        sys.exit(f"Python {sys.version.split()[0]}: expected 3.11 or newer; say make PYTHON=python3.12 …")
    print(f"setting up {ENVIRONMENT.name} (one to three minutes the first time)", flush=True)
    # A half-made or moved environment is not mended but made anew.
    venv.create(ENVIRONMENT, clear=True, with_pip=True, system_site_packages=choice == "installed")
    extras = [EXTRAS[rooms]]
    if choice == "cuda" or (choice == "auto" and not torch_brings_cuda()):
        extras += TORCH_EXTRAS[rooms]
    elif choice == "auto":
        print(NO_CPU_TORCH, flush=True)
    pip("install", "--quiet", "-c", "constraints.txt", "-e", f".[{','.join(extras)}]")


if __name__ == "__main__":
    main(sys.argv[1], os.environ.get("TORCH", "auto"))
