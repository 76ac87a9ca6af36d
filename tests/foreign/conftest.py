"""Makes importable what the tests of this folder use: their modules, and the schema's reader."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "core/schema")]
