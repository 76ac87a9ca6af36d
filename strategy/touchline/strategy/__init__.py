"""Strategies: processes of your own that trade beside the matcher, over shared memory.

Plain ones extend :class:`Strategy`. Compiled ones extend
``touchline.strategy.compiled.CompiledStrategy``, which is not imported here, for numba takes a
while. docs/strategies.md has both.
"""

from __future__ import annotations

from touchline.core import OrdStatus, OrdType, Reason, Side, TimeInForce, TradingPhase
from touchline.core.targets import Target, Targets
from touchline.strategy.errors import (
    CompileError,
    EngineGoneError,
    ParameterError,
    RingFullError,
    StrategyArgumentError,
    StrategyError,
    StrategyLoadError,
    StrategyRefusedError,
    UnknownOrderError,
)
from touchline.strategy.gauges import Gauge
from touchline.strategy.layout import (
    EVENT_DTYPE,
    LEVEL_DTYPE,
    NO_BID,
    NO_OFFER,
    OWN_ORDER_DTYPE,
    ExecutionKind,
    StrategyEventKind,
)
from touchline.strategy.market import Book, Execution, Level, Timer, Trade
from touchline.strategy.orders import Order
from touchline.strategy.parameters import Parameter
from touchline.strategy.plain import Strategy
from touchline.strategy.prices import price_from, price_text

__all__ = [
    "EVENT_DTYPE",
    "LEVEL_DTYPE",
    "NO_BID",
    "NO_OFFER",
    "OWN_ORDER_DTYPE",
    "Book",
    "CompileError",
    "EngineGoneError",
    "Execution",
    "ExecutionKind",
    "Gauge",
    "Level",
    "OrdStatus",
    "OrdType",
    "Order",
    "Parameter",
    "ParameterError",
    "Reason",
    "RingFullError",
    "Side",
    "Strategy",
    "StrategyArgumentError",
    "StrategyError",
    "StrategyEventKind",
    "StrategyLoadError",
    "StrategyRefusedError",
    "Target",
    "Targets",
    "TimeInForce",
    "Timer",
    "Trade",
    "TradingPhase",
    "UnknownOrderError",
    "price_from",
    "price_text",
]
