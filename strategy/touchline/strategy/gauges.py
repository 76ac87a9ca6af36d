"""Gauges: numbers that a strategy shows to whoever watches the venue, such as the score of a model.

A class declares them; callbacks of either kind set them at the cost of a store in its own memory.
The runtime copies them to memory that it shares with the engine, at least every 50 ms; the engine
reads that once a second. What is shown decides nothing.
"""

from __future__ import annotations

import array
import math
import re
from collections.abc import Iterable
from typing import overload

from touchline.core._abi import ffi, lib
from touchline.strategy.connection import Connection
from touchline.strategy.errors import StrategyLoadError

__all__ = ["Gauge", "GaugeBoard", "declared_gauges"]

_GAUGES_MAX = 16
_NAME = re.compile(r"[A-Za-z0-9_]{1,32}", re.ASCII)


class Gauge:
    """One gauge: an attribute of the class that declares it, a float in its objects.

    Until it is set it is not a number, and shown as unknown, as is every value that is not finite.
    In a compiled strategy it is a field of the state.

    Parameters
    ----------
    description : str
        What it is, with its unit.

    Examples
    --------
    >>> class Maker:
    ...     fair = Gauge("fair price, price units")
    >>> maker = Maker()
    >>> maker.fair
    nan
    >>> maker.fair = 19_201.5
    >>> maker.fair
    19201.5
    """

    def __init__(self, description: str = "") -> None:
        self.description = description
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Gauge: ...
    @overload
    def __get__(self, instance: object, owner: type) -> float: ...
    def __get__(self, instance: object | None, owner: type) -> Gauge | float:
        """The value in an object, the declaration in its class."""
        if instance is None:
            return self
        value: float = instance.__dict__.get(self.name, math.nan)
        return value

    def __set__(self, instance: object, value: float) -> None:
        instance.__dict__[self.name] = float(value)


def declared_gauges(owner: type) -> dict[str, Gauge]:
    """Every gauge of a class, by its name; those of the classes it extends stand first.

    Raises
    ------
    StrategyLoadError
        If there are more than 16, or one has a name that the engine would not show.
    """
    found: dict[str, Gauge] = {}
    for one in reversed(owner.__mro__):
        found |= {name: value for name, value in vars(one).items() if isinstance(value, Gauge)}
    for name in found:
        if not _NAME.fullmatch(name):
            raise StrategyLoadError(
                f"gauge {owner.__name__}.{name}: a name is 1 to 32 ASCII letters, digits and '_'"
            )
    if len(found) > _GAUGES_MAX:
        raise StrategyLoadError(
            f"{owner.__name__} has {len(found)} gauges, {_GAUGES_MAX} are shown at most"
        )
    return found


class GaugeBoard:
    """Where the gauges of one connection are shown.

    Parameters
    ----------
    connection : Connection
        Of the strategy.
    names : iterable of str
        As :func:`declared_gauges` gives them.
    """

    def __init__(self, connection: Connection, names: Iterable[str]) -> None:
        self._connection = connection
        self._names = tuple(names)
        self._shown = b""
        if self._names:
            text = ",".join(self._names).encode()
            connection.sent(lib.tl_strategy_name_gauges(connection.handle, text), "gauges")

    def show(self, values: Iterable[float]) -> None:
        """Show the values, in the order of the names, if one has changed."""
        if not self._names:
            return
        packed = array.array("d", values)
        if (now := packed.tobytes()) == self._shown:
            return
        self._shown = now
        handle, doubles = self._connection.handle, ffi.from_buffer("double[]", packed)
        lib.tl_strategy_set_gauges(handle, doubles, len(packed))
