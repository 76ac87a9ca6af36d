"""What can go wrong with units."""

from touchline.core.errors import TouchlineError

__all__ = ["UnitsError"]


class UnitsError(TouchlineError):
    """Units cannot be rendered for this venue, or must not be written where they should go."""
