"""Packages of the research extra: imported when they are needed, for no venue needs them."""

from __future__ import annotations

import importlib
from typing import Any

from touchline.models.errors import ResearchMissingError

__all__ = ["research"]


def research(package: str) -> Any:
    """Import a package of the research extra.

    Raises
    ------
    ResearchMissingError
        If it is not installed; the text says how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ResearchMissingError(
            f'{package} cannot be imported ({error}): pip install "touchline[research]"'
        ) from error
