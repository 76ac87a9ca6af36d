"""Commands from columns: arrays of numbers and texts in, records of the matcher out.

numpy wraps a number that does not fit and cuts off a text that is too long, without a word; here
either is refused with its column and its row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from touchline.core._records import COMMAND_DTYPE, CommandKind
from touchline.core.errors import MatcherError

__all__ = ["Records", "commands_of"]

Records = npt.NDArray[np.void]
"""A structured array of records, such as COMMAND_DTYPE or EVENT_DTYPE."""

_KNOWN = tuple(name for name in COMMAND_DTYPE.names or () if not name.startswith("reserved"))


def commands_of(kind: CommandKind, columns: dict[str, npt.ArrayLike]) -> Records:
    """Records of one kind; what no column says is zero. See :meth:`Matcher.commands`."""
    arrays = {name: _column(name, values) for name, values in columns.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        shape = np.broadcast_shapes((1,), *shapes.values())
    except ValueError:
        shape = ()
    if len(shape) != 1:
        told = ", ".join(f"{name} {shapes[name]}" for name in shapes)
        raise MatcherError(f"columns have to be of one length, or single values: {told}")
    records = np.zeros(shape, COMMAND_DTYPE)
    records["kind"] = CommandKind(kind)
    for name, array in arrays.items():
        records[name] = array
    return records


def _column(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """The values of a column, if each of them fits its field."""
    if name not in _KNOWN or name == "kind":
        raise MatcherError(f"a command has no column {name!r}; it has {', '.join(_KNOWN)}")
    field: np.dtype[Any] = COMMAND_DTYPE[name]
    array = np.asarray(values)
    if field.kind == "S":
        return _names(name, array, field)
    if array.dtype.kind not in "iu":
        raise MatcherError(f"column {name} is of {array.dtype}, whole numbers are needed")
    if not np.can_cast(array.dtype, field, "safe"):
        least, most = int(np.iinfo(field).min), int(np.iinfo(field).max)
        _refuse(name, array, (array < least) | (array > most), f"{least} to {most} is possible")
    return array


def _names(name: str, array: npt.NDArray[Any], field: np.dtype[Any]) -> npt.NDArray[Any]:
    """ClOrdIDs of bytes, of ASCII texts, or of numbers, which are written in decimal."""
    if array.dtype.kind == "U":
        try:
            array = np.strings.encode(array, "ascii")
        except UnicodeEncodeError as error:
            raise MatcherError(f"column {name}: {str(error.object)!r} is not ASCII") from error
    if array.dtype.kind in "iu":
        return array.astype(field)
    if array.dtype.kind != "S":
        raise MatcherError(f"column {name} is of {array.dtype}, texts or whole numbers are needed")
    if array.dtype.itemsize > field.itemsize:
        too_long = np.strings.str_len(array) > field.itemsize
        _refuse(name, array, too_long, f"at most {field.itemsize} characters are possible")
    return array


def _refuse(
    name: str, array: npt.NDArray[Any], wrong: npt.NDArray[np.bool_], possible: str
) -> None:
    """Raise for the first row that is wrong, if one is."""
    if np.any(wrong):
        row = int(np.flatnonzero(wrong)[0])
        raise MatcherError(f"column {name}, row {row}: {array.reshape(-1)[row]!r}; {possible}")
