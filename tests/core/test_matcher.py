"""The matcher alone, over arrays: `touchline.core.Matcher`."""

from __future__ import annotations

import doctest
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from touchline.core import (
    COMMAND_DTYPE,
    EVENT_DTYPE,
    CommandError,
    CommandKind,
    EventFlags,
    EventKind,
    InstrumentLimits,
    Matcher,
    MatcherCapacity,
    MatcherError,
    Reason,
    Scope,
    Side,
    TimeInForce,
    TradingPhase,
    matcher,
)

LIMITS = InstrumentLimits(1, min_price=1, max_price=1_000, max_order_qty=100)
CAPACITY = MatcherCapacity(orders=500, levels=100, cl_ord_ids=10_000, limited_sessions=4)
SEED = 20_251_125


@pytest.fixture
def one() -> Matcher:
    """A matcher with one instrument in continuous trading."""
    return Matcher([LIMITS], CAPACITY)


def flow(count: int) -> Any:
    """Seeded commands: orders, cancels, replaces, and a change of phase now and then."""
    rng = np.random.default_rng(SEED)
    names = np.arange(count)
    terms: dict[str, Any] = {
        "cl_ord_id": names,
        "side": rng.integers(1, 3, count),
        "price": rng.integers(95, 106, count),
        "order_qty": rng.integers(1, 20, count),
    }
    older = {
        "orig_cl_ord_id": np.maximum(names - rng.integers(1, 50, count), 0),
        "cl_ord_id": names,
        "side": terms["side"],
    }
    tif = rng.choice([TimeInForce.DAY, TimeInForce.IMMEDIATE_OR_CANCEL], count)
    phase = rng.choice([TradingPhase.CALL, TradingPhase.CONTINUOUS], count, p=[0.3, 0.7])
    kinds = np.stack(
        [
            Matcher.new_orders(**terms, time_in_force=tif),
            Matcher.cancels(**older),
            Matcher.replaces(**{**terms, **older}),
            Matcher.phase_changes(instrument_id=1, phase=phase),
        ]
    )
    return kinds[rng.choice(4, count, p=[0.6, 0.2, 0.19, 0.01]), names].copy()


def test_the_example_of_the_class_holds() -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(
        Matcher, "Matcher", globs={**vars(matcher), "EventKind": EventKind}
    )
    done = doctest.DocTestRunner().run(example)
    assert (done.attempted, done.failed) == (5, 0)


def test_a_batch_makes_the_events_and_the_state_of_its_commands_one_by_one(one: Matcher) -> None:
    commands = flow(3_000)
    whole = one.apply(commands)
    assert len(whole) > len(commands)
    assert set(whole["kind"]) >= {1, 2, 3, 4, 5, 6, 7, 9}
    single = Matcher([LIMITS], CAPACITY)
    apart = [single.apply(commands[at : at + 1]) for at in range(len(commands))]
    assert np.concatenate(apart).tobytes() == whole.tobytes()
    assert single.state_hash == one.state_hash
    ends = (whole["flags"] & EventFlags.END_OF_EVENT) != 0
    assert whole["seq"][ends].tolist() == list(range(1, len(commands) + 1))


@pytest.mark.parametrize("room", [1, 2, 7])
def test_a_buffer_of_any_length_loses_no_event(one: Matcher, room: int) -> None:
    commands = flow(1_000)
    whole = one.apply(commands)
    small = Matcher([LIMITS], CAPACITY)
    buffer = np.empty(room, EVENT_DTYPE)
    rest, told = commands, []
    while True:
        applied = small.apply_into(rest, buffer)
        told.append(buffer[: applied.events].copy())
        rest = rest[applied.commands :]
        if len(rest) == 0 and applied.waiting == 0:
            break
        assert applied.events == room
    assert np.concatenate(told).tobytes() == whole.tobytes()
    assert small.state_hash == one.state_hash


def test_apply_gives_first_what_an_earlier_call_had_no_room_for(one: Matcher) -> None:
    orders = Matcher.new_orders(cl_ord_id=["A", "B"], side=[1, 2], price=100, order_qty=5)
    applied = one.apply_into(orders, np.empty(3, EVENT_DTYPE))
    assert applied == (2, 3, 2)
    rest = one.apply(np.zeros(0, COMMAND_DTYPE))
    assert rest["kind"].tolist() == [EventKind.EXECUTED] * 2
    assert len(one.apply(np.zeros(0, COMMAND_DTYPE))) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 0),
        ("kind", 200),
        ("side", 3),
        ("ord_type", 255),
        ("time_in_force", 2),
        ("phase", 1),
        ("scope", 250),
    ],
)
def test_a_value_that_is_none_is_named_and_nothing_is_lost(
    one: Matcher, field: str, value: int
) -> None:
    commands = flow(20)
    commands[13][field] = value
    with pytest.raises(
        CommandError, match=rf"^command 13: {field} is {value}; .* no value"
    ) as told:
        one.apply(commands)
    assert (told.value.index, told.value.field, told.value.value) == (13, field, value)
    assert one.last_seq == 13
    expected = Matcher([LIMITS], CAPACITY).apply(flow(20))
    commands[13] = flow(20)[13]
    both = np.concatenate([told.value.events, one.apply(commands[13:])])
    assert both.tobytes() == expected.tobytes()


def test_seq_and_timestamp_are_given_where_zero_and_named_where_wrong(one: Matcher) -> None:
    asks = Matcher.commands(CommandKind.ORDER_STATUS, cl_ord_id="X", seq=[0, 2, 3], timestamp=0)
    asks["timestamp"] = [0, 70, 0]
    events = one.apply(asks)
    assert events["seq"].tolist() == [1, 2, 3] and events["timestamp"].tolist() == [1, 70, 71]
    assert (one.last_seq, one.last_timestamp) == (3, 71)
    asks["seq"] = [0, 9, 0]
    asks["timestamp"] = 0
    with pytest.raises(CommandError, match=r"^command 1: seq is 9; the next one is 5 \(or 0\)$"):
        one.apply(asks)
    asks["seq"] = 0
    asks["timestamp"] = [100, 0, 101]
    with pytest.raises(
        CommandError, match=r"^command 2: timestamp is 101; .* above the last one, 101"
    ):
        one.apply(asks)


def test_noise_in_every_byte_is_applied_or_named(one: Matcher) -> None:
    rng = np.random.default_rng(SEED)
    commands = flow(8_000)
    noisy = commands.view(np.uint8).reshape(len(commands), -1)
    rows = np.arange(len(noisy))
    # Each byte of a record is hit some sixty times; seq and timestamp once in a while.
    noisy[rows, rows % noisy.shape[1]] = rng.integers(0, 256, len(noisy))
    rest, named = commands, set()
    while len(rest) > 0:
        try:
            one.apply(rest)
            break
        except CommandError as error:
            named.add(error.field)
            rest = rest[error.index + 1 :]
    assert named >= {"seq", "kind", "side", "ord_type", "time_in_force", "phase", "scope"}
    assert one.last_seq > 6_000


def test_pure_noise_ends_nothing(one: Matcher) -> None:
    noise = np.random.default_rng(SEED).integers(0, 256, (500, COMMAND_DTYPE.itemsize), np.uint8)
    for record in noise.view(COMMAND_DTYPE).reshape(-1):
        with pytest.raises(CommandError):
            one.apply(np.array([record]))
    assert one.last_seq == 0


def test_books_and_orders_are_arrays(one: Matcher) -> None:
    one.apply(
        Matcher.new_orders(
            cl_ord_id=["A", "B", "C", "D"],
            side=[Side.BUY, Side.BUY, Side.SELL, Side.BUY],
            price=[99, 98, 101, 99],
            order_qty=[5, 6, 7, 8],
            member_id=[1, 2, 3, 4],
        )
    )
    assert one.book(1, Side.BUY).tolist() == [(99, 13, 2), (98, 6, 1)]
    assert one.book(1, Side.SELL)["price"].tolist() == [101]
    orders = one.orders(1, Side.BUY)
    assert orders["cl_ord_id"].tolist() == [b"A", b"D", b"B"]
    assert orders["leaves_qty"].tolist() == [5, 8, 6]
    assert one.open_orders == 4 and one.used_cl_ord_ids == 4
    assert one.last_px(1) is None and one.phase(1) is TradingPhase.CONTINUOUS
    assert repr(one) == "<Matcher after command 4, 4 open orders>"


@pytest.mark.parametrize(
    "look",
    [
        lambda one: one.book(2, Side.BUY),
        lambda one: one.orders(2, Side.BUY),
        lambda one: one.phase(2),
        lambda one: one.last_px(2),
        lambda one: one.phase(-1),
        lambda one: one.book(1, 3),
        lambda one: one.book("1", 1),
    ],
)
def test_what_is_not_there_is_an_error(one: Matcher, look: Callable[[Matcher], Any]) -> None:
    with pytest.raises(MatcherError, match=r"instrument|side is 3"):
        look(one)


def test_what_the_market_refuses_is_an_event_and_no_error(one: Matcher) -> None:
    orders = Matcher.new_orders(
        cl_ord_id=["A", "A", "B", "C"], side=1, price=[99, 99, 0, 99], order_qty=[1, 1, 1, 999]
    )
    events = one.apply(orders)
    refused = events[events["kind"] == EventKind.REJECTED]
    assert [Reason(reason) for reason in refused["reason"]] == [
        Reason.DUPLICATE_CL_ORD_ID,
        Reason.PRICE_OUT_OF_RANGE,
        Reason.ORDER_EXCEEDS_LIMIT,
    ]


def test_every_kind_of_command_can_be_made_of_columns(one: Matcher) -> None:
    orders = Matcher.new_orders(cl_ord_id=[1, 2], side=1, price=99, order_qty=1)
    scoped = {"scope": Scope.MEMBER, "scope_id": 1}
    commands = np.concatenate(
        [
            orders,
            Matcher.commands(CommandKind.MASS_CANCEL, **scoped),
            Matcher.commands(CommandKind.BLOCK_ENTRY, **scoped),
        ]
    )
    kinds = [EventKind(kind).name for kind in one.apply(commands)["kind"][4:]]
    assert kinds == ["CANCELED", "CANCELED", "MASS_CANCELED", "ENTRY_BLOCKED"]


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"price": np.array([1, 2, 2**63], np.uint64)}, f"column price, row 2: .*{2**63}"),
        ({"side": [1, -1, 300]}, "column side, row 1: .*-1.*; 0 to 255 is possible"),
        ({"order_qty": -1}, "column order_qty, row 0"),
        ({"order_qty": [1.0, 2.0, 3.0]}, "column order_qty is of float64, whole numbers"),
        ({"order_qty": [1, 2]}, r"of one length.*cl_ord_id \(3,\).*order_qty \(2,\)"),
        ({"cl_ord_id": ["a", "b" * 21, "c"]}, "column cl_ord_id, row 1: .*at most 20 characters"),
        ({"cl_ord_id": "ü"}, "column cl_ord_id: 'ü' is not ASCII"),
        ({"cl_ord_id": 1.5}, "column cl_ord_id is of float64, texts or whole numbers"),
        ({"quantity": 1}, "no column 'quantity'; it has seq, timestamp"),
        ({"reserved": 1}, "no column 'reserved'"),
        ({"price": [[1], [2], [3]]}, "of one length"),
    ],
)
def test_a_column_that_does_not_fit_is_named(columns: dict[str, Any], fault: str) -> None:
    terms: dict[str, Any] = {"cl_ord_id": ["a", "b", "c"], "side": 1, "price": 9, "order_qty": 1}
    with pytest.raises(MatcherError, match=fault):
        Matcher.new_orders(**{**terms, **columns})


@pytest.mark.parametrize(
    ("instruments", "capacity", "fault"),
    [
        ([LIMITS, LIMITS], CAPACITY, "instrument 1 is configured twice"),
        (
            [InstrumentLimits(1, 5, 4, 1)],
            CAPACITY,
            "instrument 1: lowest price 5 is above highest 4",
        ),
        ([InstrumentLimits(1, 1, 2**63, 1)], CAPACITY, f"instrument 1.*max_price is {2**63}"),
        ([InstrumentLimits(1, 1, 9, 1, TradingPhase.NONE)], CAPACITY, "1 has no initial phase"),
        ([{"instrument_id": 1, "min_price": 1}], CAPACITY, "instrument 0 .*max_order_qty"),
        ([LIMITS], MatcherCapacity(orders=-1), "capacity, orders is -1"),
        (
            [LIMITS],
            MatcherCapacity(orders=2**32 - 1, levels=2**32 - 1),
            "bytes, which are not there",
        ),
    ],
)
def test_a_matcher_that_cannot_be_says_why(
    instruments: list[Any], capacity: MatcherCapacity, fault: str
) -> None:
    with pytest.raises(MatcherError, match=fault):
        Matcher(instruments, capacity)


def test_instruments_may_be_mappings_and_prices_below_zero() -> None:
    row = {"instrument_id": 7, "min_price": -50, "max_price": -1, "max_order_qty": 9}
    spread = Matcher([{**row, "phase": TradingPhase.CALL}], CAPACITY)
    orders = Matcher.new_orders(cl_ord_id="A", side=1, price=-7, order_qty=1, instrument_id=7)
    assert spread.apply(orders)["kind"].tolist() == [EventKind.ACCEPTED, EventKind.ADDED]
    assert spread.phase(7) is TradingPhase.CALL


def test_arrays_of_other_records_are_refused_and_strided_ones_are_taken(one: Matcher) -> None:
    events = np.empty(4, EVENT_DTYPE)
    for wrong in (events, [1], np.zeros((1, 1), COMMAND_DTYPE)):
        with pytest.raises(MatcherError, match="have to be an array of COMMAND_DTYPE"):
            one.apply(wrong)
    frozen = events.copy()
    frozen.flags.writeable = False
    for bad in (np.zeros(1, COMMAND_DTYPE), frozen, np.empty(8, EVENT_DTYPE)[::2]):
        with pytest.raises(MatcherError, match="events"):
            one.apply_into(flow(1), bad)
    assert one.last_seq == 0
    strided = flow(10)[::3]
    assert one.apply(strided)["seq"].max() == 4


def test_threads_that_share_a_matcher_take_turns(one: Matcher) -> None:
    asks = Matcher.commands(CommandKind.ORDER_STATUS, cl_ord_id="X", token=np.arange(20))
    told: list[Any] = []
    threads = [
        threading.Thread(target=lambda: told.extend(one.apply(asks) for _ in range(100)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(np.concatenate(told)["seq"].tolist()) == list(range(1, 8_001))
