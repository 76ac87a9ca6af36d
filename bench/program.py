"""The measuring program, `touchline-bench`: built as it is released, and asked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from touchline.core.programs import HUGE_PAGES

__all__ = ["ask", "built"]

_BUILD = ["cargo", "build", "--release", "--locked", "--package", "touchline-bench"]


def built() -> Path:
    """Build it with the release profile of the repository, whatever the shell says of profiles."""
    root = Path(__file__).resolve().parent.parent
    overrides = ("CARGO_PROFILE_", "CARGO_INCREMENTAL")
    environment = {key: val for key, val in os.environ.items() if not key.startswith(overrides)}
    subprocess.run(_BUILD, cwd=root, env=environment, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return root / target / "release" / "touchline-bench"


def ask(binary: Path, *arguments: str) -> dict[str, Any]:
    """Run a program that tells one JSON object; RuntimeError with its complaint if it fails.

    Its memory is asked for in huge pages, as an engine's is.
    """
    environment = {**HUGE_PAGES, **os.environ}
    done = subprocess.run(
        [binary, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{binary.name} ended with {done.returncode}")
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"{binary} told no JSON: {done.stdout[:80]!r}") from None
    return told
