"""Builds the C ABI and the programs with cargo, and places them beside the Python package.

An editable install links to cargo's output, so that a later `cargo build --release` is seen at
once; a wheel holds copies. The library needs no Python headers, so one wheel serves every CPython:
its tag is py3-none-<platform>.

`python hatch_build.py` does the same for a clone that is installed already: it builds what has
changed and sets the links again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CRATES = ["touchline-ffi", "touchline-programs", "touchline-members"]
LIBRARY = "libtouchline_ffi.so"
HEADERS = ["touchline.h", "touchline_records.h"]
PROGRAMS = [
    "touchline-venue",
    "touchline-engine",
    "touchline-gateway",
    "touchline-publisher",
    "touchline-members",
    "touchline-floor",
    "touchline-jitter",
]


def cargo(root: Path, *arguments: str, capture: bool = False) -> str:
    """Run cargo in the workspace; what it prints goes to the terminal unless captured."""
    if shutil.which("cargo") is None:
        raise RuntimeError("touchline is built with cargo: install Rust from https://rustup.rs")
    stdout = subprocess.PIPE if capture else None
    done = subprocess.run(["cargo", *arguments], cwd=root, check=False, text=True, stdout=stdout)
    if done.returncode != 0:
        raise RuntimeError(f"`cargo {' '.join(arguments)}` in {root} ended with {done.returncode}")
    return done.stdout or ""


def build(root: Path) -> dict[str, Path]:
    """Build; return every file that is not Python: its place under `touchline/core`, its source."""
    packages = [word for crate in CRATES for word in ("--package", crate)]
    cargo(root, "build", "--release", "--locked", *packages)
    metadata = cargo(root, "metadata", "--locked", "--no-deps", "--format-version=1", capture=True)
    built = Path(json.loads(metadata)["target_directory"]) / "release"
    sources = (
        {"libtouchline.so": built / LIBRARY}
        | {f"include/{name}": root / "core/ffi/include" / name for name in HEADERS}
        | {f"bin/{name}": built / name for name in PROGRAMS}
    )
    missing = [str(source) for source in sources.values() if not source.is_file()]
    if missing:
        raise RuntimeError(
            f"cargo has built {', '.join(CRATES)}, and yet these files are not there: "
            f"{', '.join(missing)}; the lists at the top of hatch_build.py and the [[bin]] names "
            "of the crates must agree"
        )
    return sources


def link(root: Path, sources: dict[str, Path]) -> None:
    """Set the links of an editable install."""
    for place, source in sources.items():
        target = root / "core/touchline/core" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source)


class CargoBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its type parameter is private
    """Runs before hatchling packs a wheel or makes an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, then link (editable) or include (wheel)."""
        root = Path(self.root)
        sources = build(root)
        if version == "editable":
            link(root, sources)
        else:
            for place, source in sources.items():
                build_data["force_include"][str(source)] = f"touchline/core/{place}"
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    link(here, build(here))
