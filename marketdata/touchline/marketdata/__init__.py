"""The Python face of Touchline's market data: a subscriber of the public feed, and its messages."""

from __future__ import annotations

from touchline.marketdata._messages import MatchEventIndicator, Side, TradingPhase
from touchline.marketdata.subscriber import (
    FEED_EVENT_DTYPE,
    LEVEL_DTYPE,
    ORDER_DTYPE,
    Book,
    BookState,
    FeedError,
    FeedEventKind,
    Subscriber,
    SubscriberClosedError,
)

__all__ = [
    "FEED_EVENT_DTYPE",
    "LEVEL_DTYPE",
    "ORDER_DTYPE",
    "Book",
    "BookState",
    "FeedError",
    "FeedEventKind",
    "MatchEventIndicator",
    "Side",
    "Subscriber",
    "SubscriberClosedError",
    "TradingPhase",
]
