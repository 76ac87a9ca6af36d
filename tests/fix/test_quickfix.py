"""Trading with the QuickFIX engine on a running venue: fills, cancels, replaces, refusals."""

from __future__ import annotations

import pytest
from quickfix_member import Fields, MakeMember, Member
from running_venue import RunningVenue

BUY, SELL = "1", "2"
DAY, GTC, IOC, FOK = "0", "1", "3", "4"


def test_two_members_trade(alpha: Member, beta: Member) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    resting = alpha.next({35: "8", 150: "0", 39: "0", 11: "A1", 38: "10", 151: "10", 14: "0"})
    assert {tag: resting[tag] for tag in (40, 44, 54, 55, 59)} == {
        40: "2",
        44: "4800.25",
        54: BUY,
        55: "ESH4",
        59: DAY,
    }
    beta.order("B1", SELL, 4, "4800.00")
    beta.next({150: "0", 39: "0", 11: "B1", 151: "4", 44: "4800.00"})
    # The aggressor trades at the price of the order that rests.
    aggressor = beta.next({150: "F", 39: "2", 11: "B1", 31: "4800.25", 32: "4", 151: "0", 14: "4"})
    filled = alpha.next({150: "F", 39: "1", 11: "A1", 31: "4800.25", 32: "4", 151: "6", 14: "4"})
    assert aggressor[6] == filled[6] == "4800.25"
    assert (filled[851], aggressor[851]) == ("1", "2"), "LastLiquidityInd: added, removed"
    assert filled[527] == aggressor[527], "both sides name the same match"
    assert filled[37] == resting[37] != aggressor[37], "OrderID names one order"
    assert len({resting[17], filled[17], aggressor[17]}) == 3, "ExecID names one report"
    seq, _, index = filled[17].partition("-")
    assert seq.isdecimal() and index.isdecimal()
    alpha.nothing_more()
    beta.nothing_more()


def test_one_order_sweeps_two_prices(alpha: Member, beta: Member) -> None:
    alpha.order("A1", SELL, 1, "4801.00")
    alpha.order("A2", SELL, 5, "4801.25")
    alpha.collect(2)
    beta.order("B1", BUY, 3)
    beta.next({150: "0", 40: "1", 151: "3"})
    beta.next({150: "F", 39: "1", 31: "4801.00", 32: "1", 151: "2", 14: "1", 6: "4801.00"})
    beta.next({150: "F", 39: "2", 31: "4801.25", 32: "2", 151: "0", 14: "3", 6: "4801.16666667"})
    alpha.next({150: "F", 11: "A1", 39: "2", 151: "0"})
    alpha.next({150: "F", 11: "A2", 39: "1", 151: "3"})


def test_quantities_and_prices_are_in_the_units_of_the_instrument(
    alpha: Member, beta: Member
) -> None:
    alpha.order("A1", BUY, 300, "20.05", symbol="ACME")
    alpha.next({150: "0", 38: "300", 151: "300", 44: "20.05", 55: "ACME"})
    beta.order("B1", SELL, 100, "20.05", symbol="ACME")
    beta.collect(2)
    alpha.next({150: "F", 31: "20.05", 32: "100", 151: "200", 14: "100", 6: "20.05"})


def test_what_ioc_cannot_execute_is_canceled(alpha: Member, beta: Member) -> None:
    alpha.order("A1", SELL, 3, "4801.00")
    alpha.next({150: "0"})
    beta.order("B1", BUY, 10, "4801.00", more={59: IOC})
    beta.next({150: "0", 59: IOC})
    beta.next({150: "F", 32: "3", 39: "1", 151: "7"})
    beta.next({150: "4", 39: "4", 11: "B1", 151: "0", 14: "3"})
    alpha.next({150: "F", 39: "2"})


def test_fok_executes_in_full_or_not_at_all(alpha: Member, beta: Member) -> None:
    alpha.order("A1", SELL, 3, "4801.00")
    alpha.next({150: "0"})
    beta.order("B1", BUY, 4, "4801.00", more={59: FOK})
    beta.next({150: "0"})
    beta.next({150: "4", 39: "4", 151: "0", 14: "0"})
    beta.order("B2", BUY, 3, "4801.00", more={59: FOK})
    beta.next({150: "0"})
    beta.next({150: "F", 39: "2", 14: "3"})
    alpha.next({150: "F", 39: "2"})
    alpha.nothing_more()


def test_a_cancel_takes_the_order_out_of_the_book(alpha: Member, beta: Member) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    order = alpha.next({150: "0"})
    alpha.cancel("A2", "A1", BUY)
    alpha.next({35: "8", 150: "4", 39: "4", 11: "A2", 41: "A1", 37: order[37], 151: "0", 14: "0"})
    beta.order("B1", SELL, 10, "4800.25", more={59: IOC})
    beta.next({150: "0"})
    beta.next({150: "4", 14: "0"})
    alpha.nothing_more()


def test_a_replace_with_less_quantity_keeps_its_place_in_the_queue(
    alpha: Member, beta: Member
) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    order = alpha.next({150: "0"})
    beta.order("B1", BUY, 5, "4800.25")
    beta.next({150: "0"})
    alpha.replace("A2", "A1", BUY, 4, "4800.25")
    alpha.next(
        {35: "8", 150: "5", 39: "0", 11: "A2", 41: "A1", 37: order[37], 38: "4", 151: "4", 14: "0"}
    )
    beta.order("B2", SELL, 5, "4800.25")
    beta.next({150: "0", 11: "B2"})
    alpha.next({150: "F", 11: "A2", 32: "4", 39: "2"})
    fills = beta.collect(3)
    assert [(fill[11], fill[32]) for fill in fills] == [("B2", "4"), ("B1", "1"), ("B2", "1")]


@pytest.mark.parametrize(
    ("qty", "price"), [(11, "4800.25"), (10, "4800.25"), (10, "4800.50")], ids=str
)
def test_every_other_replace_goes_to_the_end_of_its_queue(
    alpha: Member, beta: Member, qty: int, price: str
) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "0"})
    beta.order("B1", BUY, 5, price)
    beta.next({150: "0"})
    alpha.replace("A2", "A1", BUY, qty, price)
    alpha.next({150: "5", 39: "0", 11: "A2", 38: str(qty), 44: price, 151: str(qty)})
    beta.order("B2", SELL, 5, price)
    fills = beta.collect(3)[1:]
    assert {(fill[11], fill[32], fill[39]) for fill in fills} == {
        ("B1", "5", "2"),
        ("B2", "5", "2"),
    }
    alpha.nothing_more()


def test_a_replace_counts_what_has_executed(alpha: Member, beta: Member) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "0"})
    beta.order("B1", SELL, 4, "4800.25")
    alpha.next({150: "F", 151: "6"})
    alpha.replace("A2", "A1", BUY, 9, "4800.25")
    alpha.next({150: "5", 39: "1", 38: "9", 151: "5", 14: "4", 6: "4800.25"})


def test_an_order_status_request_is_answered_with_the_order(alpha: Member, beta: Member) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    order = alpha.next({150: "0"})
    beta.order("B1", SELL, 4, "4800.25")
    alpha.next({150: "F"})
    alpha.status("A1", BUY)
    answer = alpha.next(
        {
            35: "8",
            150: "I",
            39: "1",
            11: "A1",
            37: order[37],
            38: "10",
            151: "6",
            14: "4",
            44: "4800.25",
        }
    )
    assert 31 not in answer and 32 not in answer, "no fill is told twice"
    alpha.status("A9", BUY)
    alpha.next({35: "8", 150: "I", 39: "8", 103: "5", 37: "NONE", 11: "A9"})


def test_an_order_belongs_to_the_session_that_sent_it(
    venue: RunningVenue, alpha: Member, make_member: MakeMember
) -> None:
    other = make_member(venue, "ALPHA2")
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "0"})
    other.cancel("A2", "A1", BUY)
    # Sessions of one member may act for each other; the owner is told.
    alpha.next({150: "4", 11: "A2", 41: "A1"})
    other.nothing_more()
    other.order("A1", BUY, 10, "4800.25")
    other.next({150: "8", 103: "6"})


def test_members_do_not_see_each_others_orders(alpha: Member, beta: Member) -> None:
    alpha.order("X1", BUY, 10, "4800.25")
    alpha.next({150: "0"})
    beta.cancel("X2", "X1", BUY)
    beta.next({35: "9", 102: "1", 434: "1", 37: "NONE", 39: "8", 11: "X2", 41: "X1"})
    beta.order("X1", BUY, 10, "4799.25")
    beta.next({150: "0", 11: "X1"})


def order(more: Fields | None = None, **fields: str) -> Fields:
    """Return a good order with some fields changed; an empty text takes one away."""
    names = {"symbol": 55, "side": 54, "qty": 38, "type": 40, "price": 44, "tif": 59}
    good = {11: "R1", 55: "ESH4", 54: BUY, 60: "20260105-09:30:00.000", 38: "10", 40: "2"}
    good |= {44: "4800.25"} | (more or {}) | {names[name]: text for name, text in fields.items()}
    return {tag: value for tag, value in good.items() if value}


@pytest.mark.parametrize(
    ("fields", "ord_rej_reason"),
    [
        (order(symbol="NOSUCH"), "1"),
        (order(price="4800.30"), "99"),
        (order(price="10000.25"), "99"),
        (order(price="0"), "99"),
        (order(price="-4800.25"), "99"),
        (order(qty="0"), "13"),
        (order(qty="-1"), "13"),
        (order(qty="1.5"), "13"),
        (order(qty="150", symbol="ACME", price="20.05"), "13"),
        (order(qty="501"), "3"),
        (order(type="P"), "11"),
        (order(side="5"), "11"),
        (order({111: "11"}), "13"),
        (order({110: "5"}), "13"),
        (order({18: "6"}, tif="3"), "11"),
        (order({99: "4800.00"}), "99"),
    ],
    ids=lambda value: value if isinstance(value, str) else _changed(value),
)
def test_a_new_order_is_refused_with_ord_rej_reason(
    alpha: Member, fields: Fields, ord_rej_reason: str
) -> None:
    alpha.send("D", fields)
    refused = alpha.next({35: "8", 150: "8", 39: "8", 11: "R1", 103: ord_rej_reason, 37: "NONE"})
    assert (refused[151], refused[14], refused[6]) == ("0", "0", "0")
    assert refused[58]
    # A refused order has not used its ClOrdID.
    alpha.send("D", order())
    alpha.next({150: "0", 11: "R1"})


def _changed(fields: Fields) -> str:
    good = order()
    return " ".join(f"{tag}={value}" for tag, value in fields.items() if good.get(tag) != value)


def test_a_refusal_repeats_nothing_that_fix_does_not_know(alpha: Member) -> None:
    alpha.send("D", order({59: "Z"}, symbol="NOSUCH", type="Z", qty="much", price="high"))
    refused = alpha.next({35: "8", 150: "8", 103: "1", 55: "NOSUCH", 54: BUY})
    assert not {38, 40, 44, 59} & set(refused)


def test_a_cl_ord_id_is_used_once(alpha: Member) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "0"})
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "8", 39: "8", 103: "6", 11: "A1"})
    alpha.cancel("A1", "A1", BUY)
    alpha.next({35: "9", 434: "1", 102: "6"})
    alpha.cancel("A2", "A1", BUY)
    alpha.next({150: "4"})
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "8", 103: "6"})


def test_a_cancel_is_refused_with_cxl_rej_reason(alpha: Member, beta: Member) -> None:
    alpha.cancel("C1", "NOSUCH", BUY)
    alpha.next({35: "9", 434: "1", 102: "1", 37: "NONE", 39: "8", 11: "C1", 41: "NOSUCH"})
    alpha.order("A1", BUY, 1, "4800.25")
    order = alpha.next({150: "0"})
    beta.order("B1", SELL, 1, "4800.25")
    alpha.next({150: "F", 39: "2"})
    alpha.cancel("C2", "A1", BUY)
    alpha.next({35: "9", 434: "1", 102: "0", 37: order[37], 39: "2", 11: "C2", 41: "A1"})
    alpha.cancel("C3", "A1", BUY, symbol="NOSUCH")
    alpha.next({35: "9", 434: "1", 102: "99", 11: "C3"})


def test_a_replace_is_refused_with_cxl_rej_reason(alpha: Member, beta: Member) -> None:
    alpha.replace("G1", "NOSUCH", BUY, 10, "4800.25")
    alpha.next({35: "9", 434: "2", 102: "1", 37: "NONE", 39: "8"})
    alpha.order("A1", BUY, 10, "4800.25")
    order = alpha.next({150: "0"})
    beta.order("B1", SELL, 4, "4800.25")
    alpha.next({150: "F"})
    known = {35: "9", 434: "2", 37: order[37], 39: "1", 41: "A1"}
    alpha.replace("G2", "A1", SELL, 10, "4800.25")
    alpha.next(known | {102: "99", 11: "G2"})
    alpha.replace("G3", "A1", BUY, 10, "4800.25", more={59: IOC})
    alpha.next(known | {102: "99", 11: "G3"})
    alpha.replace("G4", "A1", BUY, 4, "4800.25")
    alpha.next(known | {102: "99", 11: "G4"})
    alpha.replace("G5", "A1", BUY, 501, "4800.25")
    alpha.next(known | {102: "2", 11: "G5"})
    alpha.replace("G6", "A1", BUY, 10, "4800.30")
    alpha.next({35: "9", 434: "2", 102: "99", 11: "G6", 41: "A1"})
    alpha.replace("A1", "A1", BUY, 9, "4800.25")
    alpha.next({35: "9", 434: "2", 102: "6"})
    # The order is untouched.
    alpha.status("A1", BUY)
    alpha.next({150: "I", 39: "1", 38: "10", 151: "6", 44: "4800.25"})


def test_in_a_call_orders_rest_and_nothing_executes_until_the_uncross(
    venue: RunningVenue, alpha: Member, beta: Member
) -> None:
    venue.set_phase("call", "ESH4")
    alpha.order("A1", BUY, 10, "4801.00")
    alpha.next({150: "0"})
    beta.order("B1", SELL, 4, "4800.00")
    beta.next({150: "0"})
    for number, more in enumerate(({59: IOC}, {59: FOK}, {40: "1"}), start=1):
        alpha.order(f"R{number}", BUY, 1, "4801.00", more=more)
        alpha.next({35: "8", 150: "8", 39: "8", 103: "11", 11: f"R{number}"})
    alpha.nothing_more()
    beta.nothing_more()
    venue.set_phase("continuous", "ESH4")
    bought = alpha.next({150: "F", 11: "A1", 32: "4", 151: "6"})
    sold = beta.next({150: "F", 11: "B1", 32: "4", 39: "2"})
    assert bought[31] == sold[31] and bought[527] == sold[527]
    assert 851 not in bought and 851 not in sold, "in an uncross nobody adds or removes"


@pytest.mark.parametrize("phase", ["halt", "closed"])
def test_a_halted_or_closed_instrument_takes_no_orders_but_cancels(
    venue: RunningVenue, alpha: Member, phase: str
) -> None:
    alpha.order("A1", BUY, 10, "4800.25")
    alpha.next({150: "0"})
    venue.set_phase(phase, "ESH4")
    alpha.order("A2", BUY, 10, "4800.25")
    alpha.next({35: "8", 150: "8", 103: "2", 11: "A2"})
    alpha.replace("A3", "A1", BUY, 9, "4800.25")
    alpha.next({35: "9", 434: "2", 102: "2", 39: "0"})
    alpha.cancel("A4", "A1", BUY)
    alpha.next({150: "4", 39: "4"})


@pytest.mark.parametrize(
    ("msg_type", "fields", "reason"),
    [
        ("D", order(price=""), "5"),
        ("D", order(qty=""), "5"),
        ("G", order({41: "R0"}, price=""), "5"),
        ("V", {262: "1", 263: "0", 264: "1"}, "3"),
        ("D", order(type="3", price=""), "5"),
        ("D", order(tif="6"), "5"),
    ],
    ids=[
        "no price",
        "no quantity",
        "replace without price",
        "MarketDataRequest",
        "no stop price",
        "no date",
    ],
)
def test_a_business_message_reject_says_what_is_missing_or_not_offered(
    alpha: Member, msg_type: str, fields: Fields, reason: str
) -> None:
    alpha.send(msg_type, fields)
    rejected = alpha.next({35: "j", 380: reason, 372: msg_type, 45: str(alpha.numbers()[0] - 1)})
    assert rejected[58]
    assert rejected.get(379) == fields.get(11)


@pytest.mark.parametrize(
    ("fields", "reason", "tag"),
    [
        (order(side=""), "1", "54"),
        (order(type=""), "1", "40"),
        (order(symbol=""), "1", "55"),
        (order({60: ""}), "1", "60"),
        (order({11: ""}), "1", "11"),
        (order({11: "X" * 21}), "5", "11"),
        (order(side="Z"), "5", "54"),
        (order(side="12"), "6", "54"),
        (order(price="high"), "6", "44"),
        (order(qty="1e3"), "6", "38"),
        (order({60: "yesterday"}), "6", "60"),
    ],
    ids=lambda value: value if isinstance(value, str) else _changed(value),
)
def test_a_session_reject_says_which_field_is_wrong(
    alpha: Member, fields: Fields, reason: str, tag: str
) -> None:
    alpha.send("D", fields)
    sent = str(alpha.numbers()[0] - 1)
    alpha.next_reject({373: reason, 371: tag, 372: "D", 45: sent})
    # The session goes on, and the faulty message has counted.
    alpha.send("D", order())
    alpha.next({150: "0", 11: "R1"})
