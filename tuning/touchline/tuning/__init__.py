"""Tuning: what a host does to a low-latency venue, told finding by finding.

``touchline doctor`` reads and measures; nothing here changes a setting. docs/tuning.md has a row
for each finding: what, why, how to change it, and from where that is known.
"""

from __future__ import annotations

from touchline.tuning.finding import Finding, Verdict
from touchline.tuning.host import Host

__all__ = ["Finding", "Host", "Verdict"]
