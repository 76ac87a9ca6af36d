"""A plain strategy beside a real matcher: what it sends, and what it is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from probes import PlainProbe
from running_venue import RunningVenue, find_program
from strategy_venue import STRATEGIES, Here, Member

from touchline.core import OrdStatus, OrdType, Reason, Side, TimeInForce, TradingPhase
from touchline.core.errors import ConfigError
from touchline.marketdata import Subscriber
from touchline.strategy import (
    ExecutionKind,
    StrategyArgumentError,
    StrategyError,
    StrategyRefusedError,
    UnknownOrderError,
)

HereMaker = Callable[..., Here]
BID = 19_000  # 4750.00


def test_the_life_begins_with_start_and_live_and_ends_with_stop(
    here: HereMaker, beta: Member
) -> None:
    run = here(PlainProbe)
    assert run.strategy.told == [("start", None)]
    run.until(lambda: len(run.strategy.told) == 3)
    assert sorted(run.strategy.of("live")) == ["ACME", "ESH4"]
    assert run.strategy.book("ESH4").phase is TradingPhase.CONTINUOUS
    beta.order("2", 5, "4750.00")
    run.until(lambda: run.strategy.of("book"))
    assert run.strategy.of("book") == [(None, 0, BID, 5)]
    run.driver.stop()
    names = [name for name, _ in run.strategy.told]
    assert names == ["start", "live", "live", "book", "stop"]
    assert run.driver.counts["book"] == 1


def test_an_order_is_accepted_replaced_and_cancelled(here: HereMaker) -> None:
    run = here(PlainProbe)
    run.until_live()
    strategy = run.strategy
    order = strategy.buy("ESH4", 4, BID)
    assert (order.is_open, order.is_accepted, order.pending) == (True, False, 1)
    new = run.execution()
    assert (new.kind, new.order, new.price, new.qty) == (ExecutionKind.NEW, order, BID, 4)
    assert (new.leaves_qty, new.ord_status, new.side) == (4, OrdStatus.NEW, Side.BUY)
    assert 0 < new.timestamp <= new.matched_time <= new.released_time
    assert (order.is_accepted, order.pending) == (True, 0)
    assert order.replace(price=BID + 1, qty=6)
    replaced = run.execution()
    assert (replaced.kind, replaced.price, replaced.qty) == (ExecutionKind.REPLACED, BID + 1, 6)
    assert (order.price, order.order_qty, order.leaves_qty) == (BID + 1, 6, 6)
    assert strategy.orders == (order,)
    assert order.cancel()
    assert not order.cancel() or order.pending == 2
    canceled = run.execution()
    assert (canceled.kind, canceled.qty, canceled.leaves_qty) == (ExecutionKind.CANCELED, 6, 0)
    assert (order.is_open, strategy.orders) == (False, ())
    with pytest.raises(UnknownOrderError, match=r"cancel of <Order 1 ESH4 .* no longer open"):
        order.cancel()


def test_a_resting_order_and_an_aggressing_one_are_told_of_their_fills(
    here: HereMaker, beta: Member
) -> None:
    run = here(PlainProbe)
    run.until_live()
    order = run.strategy.buy("ESH4", 5, BID)
    run.execution()
    beta.order("2", 2, "4750.00")
    fill = run.execution()
    assert (fill.kind, fill.price, fill.qty) == (ExecutionKind.TRADE, BID, 2)
    assert (fill.leaves_qty, fill.cum_qty, fill.position) == (3, 2, 2)
    assert (fill.is_aggressor, fill.ord_status) == (False, OrdStatus.PARTIALLY_FILLED)
    run.until(lambda: run.strategy.of("trade"))
    (trade,) = run.strategy.of("trade")
    assert (trade.price, trade.qty, trade.aggressor_side) == (BID, 2, Side.SELL)
    assert (trade.trd_match_id, trade.seq) == (fill.trd_match_id, fill.seq)
    assert order.leaves_qty == 3
    beta.order("2", 3, "4751.00")
    sold = run.strategy.buy("ESH4", 3, BID + 8)
    assert run.execution().kind is ExecutionKind.NEW
    fill = run.execution()
    assert (fill.order, fill.price, fill.is_aggressor) == (sold, BID + 4, True)
    assert (fill.ord_status, fill.position, sold.is_open) == (OrdStatus.FILLED, 5, False)


@pytest.mark.parametrize(
    ("price", "time_in_force", "kinds"),
    [
        (None, TimeInForce.IMMEDIATE_OR_CANCEL, [ExecutionKind.TRADE, ExecutionKind.CANCELED]),
        (BID, TimeInForce.IMMEDIATE_OR_CANCEL, [ExecutionKind.TRADE, ExecutionKind.CANCELED]),
        (BID, TimeInForce.FILL_OR_KILL, [ExecutionKind.CANCELED]),
        (None, TimeInForce.DAY, [ExecutionKind.TRADE, ExecutionKind.CANCELED]),
        (BID, TimeInForce.GOOD_TILL_CANCEL, [ExecutionKind.TRADE]),
    ],
)
def test_market_orders_and_every_time_in_force_do_what_they_are_for(
    here: HereMaker,
    beta: Member,
    price: int | None,
    time_in_force: TimeInForce,
    kinds: list[ExecutionKind],
) -> None:
    run = here(PlainProbe)
    run.until_live()
    beta.order("2", 2, "4750.00")
    run.strategy.buy("ESH4", 3, price, time_in_force=time_in_force)
    told = [run.execution() for _ in range(1 + len(kinds))]
    assert [one.kind for one in told] == [ExecutionKind.NEW, *kinds]
    filled = ExecutionKind.TRADE in kinds
    assert run.strategy.position("ESH4") == (2 if filled else 0)


def test_a_refusal_has_its_reason_and_ends_a_new_order_but_not_a_replaced_one(
    here: HereMaker,
) -> None:
    run = here(PlainProbe)
    run.until_live()
    for qty, price, reason in [
        (501, BID, Reason.ORDER_EXCEEDS_LIMIT),
        (1, 0, Reason.PRICE_OUT_OF_RANGE),
        (0, BID, Reason.INCORRECT_QUANTITY),
    ]:
        order = run.strategy.sell("ESH4", qty, price)
        refused = run.execution()
        assert (refused.kind, refused.reason) == (ExecutionKind.REJECTED, reason)
        assert (refused.order, order.is_open, order.is_accepted) == (order, False, False)
    order = run.strategy.buy("ESH4", 2, BID)
    run.execution()
    order.replace(qty=501)
    refused = run.execution()
    assert refused.kind is ExecutionKind.CANCEL_REJECTED
    assert refused.reason is Reason.ORDER_EXCEEDS_LIMIT
    assert (order.is_open, order.order_qty, order.leaves_qty) == (True, 2, 2)


def test_the_limits_of_a_strategy_are_held_by_the_engine_and_name_their_reason(
    here: HereMaker,
) -> None:
    run = here(PlainProbe)
    run.until_live()
    assert run.strategy.limits.max_order_qty == 50
    run.strategy.buy("ESH4", 51, BID)
    assert run.execution().reason is Reason.ORDER_EXCEEDS_LIMIT
    slow = here(PlainProbe, "slow")
    slow.until_live()
    order = slow.strategy.buy("ESH4", 8, BID)
    assert slow.execution().kind is ExecutionKind.NEW
    slow.strategy.buy("ESH4", 3, BID)
    assert slow.execution().reason is Reason.POSITION_LIMIT
    order.replace(qty=11)
    refused = slow.execution()
    assert refused.kind is ExecutionKind.CANCEL_REJECTED
    assert refused.reason is Reason.POSITION_LIMIT
    reasons = []
    for _ in range(5):
        slow.strategy.sell("ESH4", 1, BID + 100)
        reasons.append(slow.execution().reason)
    assert Reason.RATE_EXCEEDED in reasons
    order.cancel()
    slow.until(lambda: not order.is_open)


def test_one_command_cancels_every_own_order_and_nobody_elses(
    here: HereMaker, beta: Member
) -> None:
    run = here(PlainProbe)
    run.until_live()
    beta.order("1", 7, "4749.00")
    for at in range(3):
        run.strategy.buy("ESH4", 1, BID + at)
        run.execution()
    run.strategy.cancel_all()
    told = [run.execution() for _ in range(3)]
    assert {one.kind for one in told} == {ExecutionKind.CANCELED}
    assert run.strategy.orders == ()
    book = run.strategy.book("ESH4")
    # The executions may have come before the public records of their command.
    run.until(lambda: book.levels(Side.BUY) == [(BID - 4, 7, 1)], "the book without them")


def test_levels_can_be_had_without_own_orders(here: HereMaker, beta: Member) -> None:
    run = here(PlainProbe)
    run.until_live()
    beta.order("1", 7, "4750.00")
    beta.order("1", 2, "4749.00")
    for price in (BID, BID + 1, BID - 1):
        run.strategy.buy("ESH4", 3, price)
        run.execution()
    book = run.strategy.book("ESH4")
    run.until(lambda: book.seq > 0 and len(book.levels(Side.BUY)) == 4)
    assert book.levels(Side.BUY, 2) == [(BID + 1, 3, 1), (BID, 10, 2)]
    assert book.levels(Side.BUY, 2, of_others=True) == [(BID, 7, 1), (BID - 4, 2, 1)]
    assert book.levels(Side.SELL, 2, of_others=True) == []
    with pytest.raises(StrategyArgumentError, match="is no side"):
        book.levels(7)


def test_a_phase_is_told_with_its_book(here: HereMaker, venue: RunningVenue) -> None:
    run = here(PlainProbe)
    run.until_live()
    venue.set_phase("halt", "ESH4")
    run.until(lambda: run.strategy.of("phase"))
    assert run.strategy.of("phase") == [TradingPhase.HALT]
    assert run.strategy.book("ESH4").phase is TradingPhase.HALT
    assert run.strategy.book("ACME").phase is TradingPhase.CONTINUOUS


def test_a_strategy_that_was_too_slow_is_told_so_and_its_books_come_back(
    make_venue: Callable[..., RunningVenue],
) -> None:
    venue = make_venue(extra=STRATEGIES, durability="async")
    run = Here(venue, PlainProbe, "maker")
    run.until_live()
    order = run.strategy.buy("ESH4", 1, 4)
    # More than the public ring of this venue holds, while nobody reads.
    flow = [find_program("touchline-members"), "simulate", "--config", venue.config]
    subprocess.run(
        [*flow, "--unordered", "--commands", "3000"], check=True, capture_output=True, timeout=60
    )
    run.until(lambda: run.strategy.of("stale"), "stale")
    run.until(lambda: len(run.strategy.of("live")) == 2, "live again")
    book = run.strategy.book("ESH4")
    assert book.is_live
    assert order.is_accepted
    with Subscriber(venue.config) as feed:
        while not feed.is_live:
            feed.poll(timeout_ms=100)
        for side, found in (
            (Side.BUY, feed.bids("ESH4", 20)),
            (Side.SELL, feed.offers("ESH4", 20)),
        ):
            told = [(one.price, one.qty, one.order_count) for one in book.levels(side, 20)]
            assert told == [(one["price"], one["qty"], one["order_count"]) for one in found]
    run.connection.close()


def test_timers_are_due_once_or_again_and_again_and_not_after_they_are_cancelled(
    here: HereMaker,
) -> None:
    run = here(PlainProbe)
    run.until_live()
    strategy = run.strategy
    begun = strategy.now_ns()
    strategy.at(begun + 30_000_000, "at")
    strategy.after(0.01, "after")
    strategy.every(0.02, "every")
    strategy.after(0.01, "never")
    strategy.cancel_timer("never")

    def due(name: str) -> list[int]:
        return [timer.due_time for timer in strategy.of("timer") if timer.name == name]

    run.until(lambda: len(due("every")) == 3, "timers")
    assert due("at") == [begun + 30_000_000]
    assert len(due("after")) == 1
    assert due("never") == []
    first, second, third = due("every")
    assert (second - first) % 20_000_000 == (third - second) % 20_000_000 == 0
    strategy.cancel_timer("every")
    strategy.after(0.05, "last")
    run.until(lambda: due("last"))
    assert len(due("every")) == 3


def test_own_position_is_the_engines(here: HereMaker, venue: RunningVenue, beta: Member) -> None:
    run = here(PlainProbe)
    run.until_live()
    for qty in (1, 2, 3):
        beta.order("2", qty, "4750.00")
    run.strategy.buy("ESH4", 6, BID)
    run.until(lambda: run.strategy.position("ESH4") == 6)
    beta.order("1", 10, "4749.00")
    run.strategy.sell("ESH4", 10, BID - 4)
    run.until(lambda: run.strategy.position("ESH4") == -4)
    assert run.strategy.position("ACME") == 0
    (told,) = [
        one for one in venue.admin({"command": "status"})["strategies"] if one["name"] == "maker"
    ]
    assert told["positions"] == {"ESH4": -4}, told


def test_what_is_no_argument_is_refused_before_it_is_sent(here: HereMaker) -> None:
    run = here(PlainProbe)
    run.until_live()
    strategy: Any = run.strategy
    for qty, price in [(-1, BID), (1, 2**70), (1, 1.5), ("1", BID)]:
        with pytest.raises(StrategyArgumentError):
            strategy.buy("ESH4", qty, price)
    with pytest.raises(ConfigError, match="no instrument 'NONE'"):
        strategy.buy("NONE", 1, BID)
    with pytest.raises(StrategyArgumentError):
        strategy.every(0, "never")
    with pytest.raises(StrategyArgumentError):
        strategy.after(float("nan"), "never")
    with pytest.raises(StrategyArgumentError):
        strategy.buy("ESH4", 1, BID, ord_type=99)
    assert strategy.orders == ()
    market = strategy.buy("ESH4", 1, ord_type=OrdType.MARKET)
    assert market.price is None


def test_nothing_can_be_sent_before_the_start() -> None:
    nothing: Any = SimpleNamespace(instruments=(), strategies=())
    strategy = PlainProbe(nothing, "maker")
    with pytest.raises(StrategyError, match="not connected before on_start"):
        strategy.cancel_all()


def test_one_process_at_a_time_has_a_name_and_an_unknown_name_is_refused(
    here: HereMaker,
) -> None:
    here(PlainProbe)
    with pytest.raises(StrategyRefusedError, match="maker"):
        here(PlainProbe)
    here(PlainProbe, "slow")
    with pytest.raises(StrategyRefusedError, match="nobody"):
        here(PlainProbe, "nobody")
