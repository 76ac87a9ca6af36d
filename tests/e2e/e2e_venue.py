"""What the end-to-end tests share: the recorded day, and what members said."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Play", "last_line", "recording"]

_ES_DAY = "l3/esh4-glbx-mdp3-20231225.mbo.dbn.zst"

Play = Callable[..., "subprocess.Popen[str]"]


def recording(name: str = _ES_DAY) -> Path | None:
    """A recorded day, where TOUCHLINE_DATA names a folder that holds it."""
    folder = os.environ.get("TOUCHLINE_DATA")
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


def last_line(members: subprocess.Popen[str], timeout_s: float = 240.0) -> dict[str, Any]:
    """Wait for members to end, and return the last thing that they said."""
    out, errors = members.communicate(timeout=timeout_s)
    lines = out.splitlines()
    assert members.returncode == 0, f"{errors}\n{lines[-1:]}"
    said: dict[str, Any] = json.loads(lines[-1])
    assert said["type"] == "summary"
    return said
