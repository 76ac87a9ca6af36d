"""Order functions with the QuickFIX engine: every report passes its own FIX 4.4 dictionary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from quickfix_member import Fields, Member
from running_venue import RunningVenue

BUY, SELL = "1", "2"


def ordered(member: Member, cl_ord_id: str, side: str, qty: int, more: Fields) -> Fields:
    """Send a limit order with more fields, or another type of order; return its first report."""
    price = None if more.get(40) in ("1", "3", "K") else more.get(44, "4800.00")
    member.order(cl_ord_id, side, qty, price, more=more)
    return member.next({11: cl_ord_id})


def test_a_stop_goes_off_and_says_so(alpha: Member, beta: Member) -> None:
    accepted = ordered(alpha, "A1", BUY, 2, {40: "3", 99: "4801.00"})
    assert {tag: accepted[tag] for tag in (150, 39, 40, 99)} == {
        150: "0",
        39: "0",
        40: "3",
        99: "4801.00",
    }
    for name, price in [("B1", "4801.00"), ("B2", "4801.25")]:
        beta.order(name, SELL, 1, price)
        beta.next({150: "0"})
    beta.order("B3", BUY, 1, "4801.00")
    beta.collect(3)
    triggered = alpha.next({150: "D", 378: "99", 39: "0", 11: "A1", 40: "1", 151: "2"})
    assert (triggered[99], triggered[58]) == ("4801.00", "the stop price is reached")
    alpha.next({150: "F", 39: "1", 31: "4801.25", 14: "1"})
    alpha.next({150: "4", 39: "4", 11: "A1", 14: "1"})
    alpha.nothing_more()


def test_a_stop_limit_is_replaced_and_cancelled_where_it_waits(alpha: Member) -> None:
    ordered(alpha, "A1", SELL, 5, {40: "4", 44: "4700.00", 99: "4710.00"})
    alpha.replace("A2", "A1", SELL, 7, "4690.00", more={40: "4", 99: "4705.25"})
    alpha.next({150: "5", 11: "A2", 41: "A1", 40: "4", 44: "4690.00", 99: "4705.25", 151: "7"})
    alpha.cancel("A3", "A2", SELL)
    alpha.next({150: "4", 39: "4", 11: "A3", 41: "A2"})


def test_market_to_limit_tells_its_limit_and_rests_there(alpha: Member, beta: Member) -> None:
    ordered(alpha, "A1", SELL, 2, {44: "4800.25"})
    accepted = ordered(beta, "B1", BUY, 5, {40: "K"})
    assert (accepted[40], accepted[44]) == ("K", "4800.25")
    beta.next({150: "F", 32: "2", 151: "3", 40: "K"})
    alpha.next({150: "F", 39: "2"})
    beta.status("B1")
    beta.next({150: "I", 40: "2", 44: "4800.25", 151: "3"})
    beta.cancel("B2", "B1", BUY)
    beta.next({150: "4"})
    beta.order("B3", BUY, 1, more={40: "K"})
    beta.next({150: "0"})
    canceled = beta.next({150: "4", 378: "8"})
    assert "no opposite price" in canceled[58]


def test_post_only_is_refused_or_slides(alpha: Member, beta: Member) -> None:
    ordered(alpha, "A1", SELL, 5, {44: "4800.25"})
    refused = ordered(beta, "B1", BUY, 5, {44: "4800.50", 18: "6"})
    assert (refused[150], refused[39], refused[103]) == ("8", "8", "99")
    assert "post-only" in refused[58]
    slid = ordered(beta, "B2", BUY, 5, {44: "4800.50", 18: "6", 9601: "Y"})
    assert (slid[150], slid[44], slid[18]) == ("0", "4800.00", "6")


@pytest.mark.parametrize("tag", [111, 1138])
def test_an_iceberg_shows_a_part_and_then_the_next(alpha: Member, beta: Member, tag: int) -> None:
    accepted = ordered(alpha, "A1", SELL, 7, {tag: "3"})
    assert accepted[111] == "3"
    ordered(beta, "B1", BUY, 4, {})
    beta.next({150: "F", 32: "3"})
    beta.next({150: "F", 39: "2", 32: "1"})
    alpha.next({150: "F", 39: "1", 32: "3", 151: "4"})
    alpha.next({150: "D", 378: "99", 39: "1", 151: "4", 111: "3"})
    alpha.next({150: "F", 39: "1", 32: "1", 151: "3"})
    alpha.nothing_more()


def test_a_hidden_order_stands_behind_those_that_are_displayed(alpha: Member, beta: Member) -> None:
    accepted = ordered(alpha, "A1", SELL, 3, {111: "0"})
    assert accepted[111] == "0"
    ordered(beta, "B1", SELL, 2, {})
    ordered(beta, "B2", BUY, 3, {2964: "1"})
    # Its own order is in front of the hidden one, and is cancelled.
    beta.next({150: "4", 11: "B1", 378: "8"})
    beta.next({150: "F", 11: "B2", 39: "2", 32: "3"})
    alpha.next({150: "F", 11: "A1", 39: "2", 32: "3"})


def test_a_minimum_quantity_is_met_or_nothing_executes(alpha: Member, beta: Member) -> None:
    ordered(alpha, "A1", SELL, 3, {})
    ordered(beta, "B1", BUY, 5, {59: "3", 110: "4"})
    canceled = beta.next({150: "4", 378: "8", 14: "0"})
    assert "MinQty" in canceled[58]
    ordered(beta, "B2", BUY, 5, {59: "3", 110: "3"})
    beta.next({150: "F", 32: "3"})
    beta.next({150: "4", 14: "3"})
    alpha.next({150: "F", 39: "2"})


def test_a_good_till_date_order_expires_by_itself(alpha: Member) -> None:
    until = datetime.now(UTC) + timedelta(seconds=1)
    text = until.strftime("%Y%m%d-%H:%M:%S.") + f"{until.microsecond // 1000:03}"
    accepted = ordered(alpha, "A1", BUY, 3, {59: "6", 126: text})
    assert (accepted[59], accepted[126]) == ("6", text)
    alpha.next({150: "C", 39: "C", 11: "A1", 151: "0"})
    assert datetime.now(UTC) >= until
    alpha.order("A2", BUY, 3, "4800.00", more={59: "6", 432: "20200101"})
    refused = alpha.next({150: "8", 11: "A2", 103: "99"})
    assert "ExpireTime" in refused[58]


def test_self_match_prevention_decrements(alpha: Member) -> None:
    ordered(alpha, "A1", SELL, 7, {})
    ordered(alpha, "A2", BUY, 5, {2362: "9", 2964: "100"})
    # The resting order is of no group: it is met by nobody, and executes.
    alpha.next({150: "F", 11: "A1"})
    alpha.next({150: "F", 11: "A2"})
    ordered(alpha, "A3", SELL, 2, {44: "4801.00"})
    ordered(alpha, "A4", BUY, 3, {44: "4800.00", 2964: "100"})
    restated = alpha.next({11: "A1", 39: "4"})
    assert (restated[150], restated[378]) == ("4", "8")
    assert "same owner" in restated[58]
    alpha.next({150: "D", 378: "5", 11: "A4", 38: "1", 151: "1"})


def test_a_mass_cancel_cancels_and_is_reported(alpha: Member, beta: Member) -> None:
    ordered(alpha, "A1", BUY, 3, {44: "4700.00"})
    ordered(alpha, "A2", SELL, 3, {44: "4900.00"})
    ordered(beta, "B1", BUY, 3, {44: "4700.00"})
    request = {11: "M1", 530: "1", 55: "ESH4", 54: SELL, 60: alpha.sent_app[-1][60]}
    alpha.send("q", request)
    alpha.next({35: "8", 150: "4", 11: "A2"})
    alpha.next({35: "r", 11: "M1", 530: "1", 531: "1", 533: "1", 55: "ESH4", 54: SELL})
    alpha.send("q", {11: "M2", 530: "7", 60: request[60]})
    alpha.next({35: "8", 150: "4", 11: "A1"})
    alpha.next({35: "r", 11: "M2", 530: "7", 531: "7", 533: "1"})
    beta.nothing_more()


def test_a_firm_is_stopped_with_all_its_members(venue: RunningVenue, alpha: Member) -> None:
    ordered(alpha, "A1", BUY, 3, {})
    assert not venue.admin({"command": "kill", "firm": 9})["ok"]
    answer = venue.admin({"command": "kill", "firm": 7})
    assert (answer["ok"], answer["canceled_orders"]) == (True, 1)
    alpha.next({150: "4", 11: "A1"})
    refused = ordered(alpha, "A2", BUY, 3, {})
    assert (refused[150], refused[103]) == ("8", "0")
    assert venue.admin({"command": "status"})["blocked"]["firms"] == [7]
    assert venue.admin({"command": "resume", "firm": 7})["ok"]
    assert ordered(alpha, "A3", BUY, 3, {})[150] == "0"
