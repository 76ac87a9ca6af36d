"""The programs of the venue, as they lie in the package."""

from __future__ import annotations

from pathlib import Path

from touchline.core.errors import ProgramError

__all__ = ["HUGE_PAGES", "program"]

_FOLDER = Path(__file__).parent / "bin"

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""What an engine's environment says: large allocations ask the kernel for huge pages (madvise), so
that orders and ClOrdIDs lie on few pages. Where the kernel has none to give, nothing changes."""


def program(name: str) -> Path:
    """Where a program lies, for example ``touchline-venue``.

    Raises
    ------
    ProgramError
        If it is not there or cannot be executed, with what helps.
    """
    path = _FOLDER / name
    if not path.is_file():
        raise ProgramError(
            f"{path} is not there; in a clone, `make setup` builds it; a wheel always holds it"
        )
    return path
