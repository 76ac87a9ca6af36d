"""Parameters of a strategy, of either kind: declared in its class, given on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar, overload

from touchline.strategy.errors import ParameterError

__all__ = ["Parameter", "declared", "parsed", "split"]

Value = TypeVar("Value", bool, int, float, str, Decimal)

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Parameter(Generic[Value]):
    """One parameter: an attribute of the class that declares it, read-only in its objects.

    Parameters
    ----------
    default : bool, int, float, str or Decimal
        What holds if nothing is given; its type is that of the parameter.
    description : str
        What it is, with its unit.
    minimum, maximum : of the same type, optional
        Values beyond are refused.

    Examples
    --------
    >>> class Maker:
    ...     quote_qty = Parameter(5, "lots on each side", minimum=1)
    >>> declared(Maker)["quote_qty"].read("7")
    7
    """

    def __init__(
        self,
        default: Value,
        description: str = "",
        *,
        minimum: Value | None = None,
        maximum: Value | None = None,
    ) -> None:
        self.default: Value = default
        self.description = description
        self.minimum: Any = minimum
        self.maximum: Any = maximum
        self.name = ""
        self.checked(default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Parameter[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Parameter[Value] | Value:
        """The value in an object, the declaration in its class."""
        if instance is None:
            return self
        value: Value = instance.__dict__.get(self.name, self.default)
        return value

    def __set__(self, instance: object, value: Value) -> None:
        raise ParameterError(f"parameter {self.name} cannot change after the start")

    @property
    def type(self) -> type[Value]:
        """Type of its values."""
        return type(self.default)

    def read(self, text: str) -> Value:
        """The value that a text of the command line stands for.

        Raises
        ------
        ParameterError
            If it stands for none, or for one out of range.
        """
        try:
            return self.checked(self._from_text(text))
        except (ValueError, InvalidOperation) as error:
            raise ParameterError(
                f"parameter {self.name} is {text!r}, must be {self._type_text()}"
            ) from error

    def checked(self, value: object) -> Value:
        """The value, if it is one of the parameter; errors as :meth:`read`. An int is a float."""
        if self.type is float and type(value) is int:
            value = float(value)
        if type(value) is not self.type:
            raise ParameterError(f"parameter {self.name} is {value!r}, must be {self._type_text()}")
        for word, bound in (("least", self.minimum), ("most", self.maximum)):
            if bound is None:
                continue
            within = value >= bound if word == "least" else value <= bound
            if not within:  # also a float that is not a number
                raise ParameterError(
                    f"parameter {self.name} is {value!r}, must be at {word} {bound!r}"
                )
        return value

    def _type_text(self) -> str:
        names = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}
        return names.get(self.type, "a decimal number")

    def _from_text(self, text: str) -> object:
        if self.type is not bool:
            return self.type(text)
        if text.lower() not in _TRUE + _FALSE:
            raise ValueError(text)
        return text.lower() in _TRUE


def declared(owner: type) -> dict[str, Parameter[Any]]:
    """Every parameter of a class, by its name; those of the classes it extends stand first."""
    found: dict[str, Parameter[Any]] = {}
    for one in reversed(owner.__mro__):
        found |= {name: value for name, value in vars(one).items() if isinstance(value, Parameter)}
    return found


def split(given: Iterable[str]) -> dict[str, str]:
    """``["qty=5"]`` as ``{"qty": "5"}``.

    Raises
    ------
    ParameterError
        If one has no ``=``, or stands there twice.
    """
    texts: dict[str, str] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name:
            raise ParameterError(f"{one!r} is no parameter: write NAME=VALUE")
        if name in texts:
            raise ParameterError(f"parameter {name} is given twice")
        texts[name] = text
    return texts


def parsed(owner: type, given: Mapping[str, object]) -> dict[str, Any]:
    """The values of a class's parameters: what is given, else the default.

    Parameters
    ----------
    owner : type
        A strategy's class.
    given : mapping of str to object
        Values by name; texts are read as on the command line.

    Raises
    ------
    ParameterError
        With the name of what is unknown, ill-typed or out of range.
    """
    known = declared(owner)
    for name in given:
        if name not in known:
            names = ", ".join(known) or "none"
            raise ParameterError(f"{owner.__name__} has no parameter {name!r}; it has {names}")
    values = {}
    for name, one in known.items():
        value = given.get(name, one.default)
        is_text = isinstance(value, str) and one.type is not str
        values[name] = one.read(str(value)) if is_text else one.checked(value)
    return values
