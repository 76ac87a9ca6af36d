"""What a check says: one finding, with a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Subject", "Verdict"]


class Verdict(StrEnum):
    """How good a finding is for a venue that wants to be fast and predictable."""

    GOOD = "good"
    BETTER = "could be better"
    BAD = "bad"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes
    ----------
    name : str
        What was looked at, as docs/tuning.md names it.
    read : str
        What was read or measured, and where; units are in the text.
    verdict : Verdict
        How good that is.
    meaning : str
        What it means for the venue.
    advice : str
        What to do; empty where there is nothing to do.
    """

    name: str
    read: str
    verdict: Verdict
    meaning: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What every finding of one check has in common; its methods make the finding."""

    name: str
    meaning: str

    def good(self, read: str) -> Finding:
        """Nothing to do."""
        return Finding(self.name, read, Verdict.GOOD, self.meaning)

    def better(self, read: str, advice: str) -> Finding:
        """The venue works; it would be faster or more predictable otherwise."""
        return Finding(self.name, read, Verdict.BETTER, self.meaning, advice)

    def bad(self, read: str, advice: str) -> Finding:
        """The venue cannot do here what it is made for."""
        return Finding(self.name, read, Verdict.BAD, self.meaning, advice)

    def unknown(self, read: str, advice: str) -> Finding:
        """It is not to be seen from here, with the reason."""
        return Finding(self.name, read, Verdict.UNKNOWN, self.meaning, advice)
