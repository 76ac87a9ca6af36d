"""The Python face of Touchline's core: records, configuration, and the operator's commands."""

from __future__ import annotations

from importlib.metadata import version

from touchline.core._records import (
    COMMAND_DTYPE,
    EVENT_DTYPE,
    PRIVATE_RECORD_DTYPE,
    PUBLIC_RECORD_DTYPE,
    CommandKind,
    EventFlags,
    EventKind,
    OrdStatus,
    OrdType,
    PublicKind,
    Reason,
    Scope,
    Side,
    TimeInForce,
    TradingPhase,
)
from touchline.core.errors import (
    AbiError,
    AdminError,
    CommandError,
    ConfigError,
    CountersError,
    MatcherError,
    ProgramError,
    RingError,
    TargetsError,
    TargetsRefusedError,
    TouchlineError,
    VenueRunningError,
    VenueUnreachableError,
)
from touchline.core.matcher import (
    LEVEL_DTYPE,
    ORDER_DTYPE,
    Applied,
    InstrumentLimits,
    Matcher,
    MatcherCapacity,
)
from touchline.core.programs import program
from touchline.core.rings import RingCursors, ring_cursors
from touchline.core.venue import Channel, Instrument, Member, Session, Strategy, Venue

__version__ = version("touchline")

__all__ = [
    "COMMAND_DTYPE",
    "EVENT_DTYPE",
    "LEVEL_DTYPE",
    "ORDER_DTYPE",
    "PRIVATE_RECORD_DTYPE",
    "PUBLIC_RECORD_DTYPE",
    "AbiError",
    "AdminError",
    "Applied",
    "Channel",
    "CommandError",
    "CommandKind",
    "ConfigError",
    "CountersError",
    "EventFlags",
    "EventKind",
    "Instrument",
    "InstrumentLimits",
    "Matcher",
    "MatcherCapacity",
    "MatcherError",
    "Member",
    "OrdStatus",
    "OrdType",
    "ProgramError",
    "PublicKind",
    "Reason",
    "RingCursors",
    "RingError",
    "Scope",
    "Session",
    "Side",
    "Strategy",
    "TargetsError",
    "TargetsRefusedError",
    "TimeInForce",
    "TouchlineError",
    "TradingPhase",
    "Venue",
    "VenueRunningError",
    "VenueUnreachableError",
    "__version__",
    "program",
    "ring_cursors",
]
