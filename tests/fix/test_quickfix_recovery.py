"""QuickFIX keeps its sequence numbers over lost connections, restarts and crashes of the venue.

Whatever happens, a member is told of each event once, in order, and each of its orders is
executed once.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import pytest
from quickfix_member import Fields, MakeMember, Member
from running_venue import RunningVenue

BUY, SELL = "1", "2"

BURST = 3000


def rest(member: Member, count: int) -> None:
    """Rest so many buy orders of one lot: A1, A2, ..."""
    for number in range(1, count + 1):
        member.order(f"A{number}", BUY, 1, "4800.25")
    for message in member.collect(count):
        assert message[150] == "0"


def fills(messages: list[Fields]) -> list[str]:
    """Return the ClOrdIDs of fills, in order; every message must be one."""
    assert {message[150] for message in messages} == {"F"}
    return [message[11] for message in messages]


@pytest.mark.parametrize("logout", [True, False], ids=["Logout", "connection lost"])
def test_what_a_member_missed_is_sent_once_when_it_is_back(
    alpha: Member, beta: Member, logout: bool
) -> None:
    rest(alpha, 3)
    sent, expected = alpha.numbers()
    alpha.disconnect(logout)
    beta.order("B1", SELL, 3, "4800.25")
    beta.collect(4)
    alpha.connect()
    missed = alpha.collect(3)
    assert fills(missed) == ["A1", "A2", "A3"]
    assert {message[43] for message in missed} == {"Y"}, "PossDupFlag: they were numbered before"
    assert [int(message[34]) for message in missed] == sorted(int(m[34]) for m in missed)
    alpha.nothing_more()
    after = alpha.numbers()
    assert after[0] > sent and after[1] > expected, "neither side has begun again at 1"
    alpha.order("A4", BUY, 1, "4800.25")
    alpha.next({150: "0", 11: "A4"})


def test_a_resend_request_is_answered_with_the_same_bodies_and_gap_fills(alpha: Member) -> None:
    rest(alpha, 2)
    alpha.order("A3", BUY, 1, "4800.30")
    alpha.next({150: "8"})
    first = {message[34]: message for message in alpha.seen}
    alpha.expect(1)
    # The next message of the venue shows QuickFIX a gap from 1 on; it asks for everything.
    alpha.status("A2")
    again = alpha.collect(4)
    assert [message[34] for message in again] == ["2", "3", "4", "5"]
    for message in again[:3]:
        original = first[message[34]]
        assert message[43] == "Y" and message[122] == original[52]
        changed = {9, 10, 43, 52, 122}
        assert {tag: value for tag, value in message.items() if tag not in changed} == {
            tag: value for tag, value in original.items() if tag not in changed
        }
    assert again[3][150] == "I"
    gap_fills = [message for message in alpha.received_admin if message[35] == "4"]
    assert [(message[34], message[123], message[36]) for message in gap_fills] == [
        ("1", "Y", "2")
    ], "the Logon is not sent again"
    alpha.nothing_more()


def test_a_venue_that_restarts_goes_on_with_the_numbers_and_the_book(
    venue: RunningVenue, alpha: Member, beta: Member
) -> None:
    rest(alpha, 2)
    sent, expected = alpha.numbers()
    venue.restart()
    for member in (alpha, beta):
        member.wait_logon()
    assert any(message[35] == "5" for message in alpha.received_admin), "the venue says Logout"
    after = alpha.numbers()
    assert after[0] > sent and after[1] > expected
    beta.order("B1", SELL, 2, "4800.25")
    assert fills(alpha.collect(2)) == ["A1", "A2"]
    alpha.nothing_more()
    alpha.order("A1", BUY, 1, "4800.25")
    alpha.next({150: "8", 103: "6"})


def test_a_venue_that_was_killed_goes_on_with_the_numbers_and_the_book(
    venue: RunningVenue, alpha: Member, beta: Member
) -> None:
    rest(alpha, 3)
    sent, expected = alpha.numbers()
    alpha.disconnect(logout=False)
    beta.order("B1", SELL, 2, "4800.25")
    beta.collect(3)
    venue.kill()
    venue.start()
    beta.wait_logon()
    alpha.connect()
    assert fills(alpha.collect(2)) == ["A1", "A2"], "told by the venue that died, or by no one"
    alpha.nothing_more()
    beta.nothing_more()
    after = alpha.numbers()
    assert after[0] > sent and after[1] > expected
    beta.order("B2", SELL, 1, "4800.25")
    assert fills(alpha.collect(1)) == ["A3"]


@pytest.mark.parametrize("answered", [1, BURST // 2])
def test_orders_that_were_under_way_when_the_venue_was_killed_are_executed_once(
    venue: RunningVenue, alpha: Member, beta: Member, answered: int
) -> None:
    """Kill the venue amid a burst; QuickFIX sends again what the venue then asks for."""

    def burst() -> None:
        for number in range(1, BURST + 1):
            alpha.order(f"A{number}", BUY, 1, "4800.25")

    sender = threading.Thread(target=burst)
    sender.start()
    messages = alpha.collect(answered)
    venue.kill()
    venue.start()
    alpha.wait_logon()
    sender.join()
    messages += alpha.collect(BURST - len(messages))
    assert {message[150] for message in messages} == {"0"}
    assert Counter(message[11] for message in messages) == Counter(
        f"A{number}" for number in range(1, BURST + 1)
    )
    for tag in (17, 37):
        assert len({message[tag] for message in messages}) == BURST
    seqs = [int(message[17].partition("-")[0]) for message in messages]
    assert seqs == sorted(seqs), "told in the order of the venue"
    alpha.nothing_more()
    # The book holds each of them once.
    beta.wait_logon()
    for number in range(BURST // 500):
        beta.order(f"B{number}", SELL, 500, "4800.25")
    beta.order("B-rest", SELL, 500, "4800.25", more={59: "3"})
    assert Counter(fills(alpha.collect(BURST))) == Counter(message[11] for message in messages)
    alpha.nothing_more()


def test_over_several_crashes_each_order_is_taken_once(venue: RunningVenue, alpha: Member) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    orders = [f"A{number}" for number in range(BURST)]

    def trade() -> None:
        for number, cl_ord_id in enumerate(orders):
            alpha.order(cl_ord_id, BUY, 1, "4800.25")
            if number % 50 == 0:
                time.sleep(0.02)

    sender = threading.Thread(target=trade)
    sender.start()
    for _ in range(3):
        # QuickFIX connects again within a second: some crashes come amid its resend.
        time.sleep(0.1 + moments.random())
        venue.kill()
        venue.start()
    sender.join()
    messages = alpha.collect(BURST)
    assert {message[150] for message in messages} == {"0"}
    assert Counter(message[11] for message in messages) == Counter(orders)
    alpha.nothing_more()


def test_live_reports_follow_a_long_replay_in_order(alpha: Member, beta: Member) -> None:
    rest(alpha, BURST)
    alpha.disconnect(logout=False)
    for number in range(BURST // 500):
        beta.order(f"B{number}", SELL, 250, "4800.25")
    beta.collect(BURST // 500 + BURST // 2)
    alpha.connect()
    # The first half is sent again while the second half executes.
    for number in range(BURST // 2):
        beta.order(f"C{number}", SELL, 1, "4800.25")
    messages = alpha.collect(BURST)
    assert fills(messages) == [f"A{number}" for number in range(1, BURST + 1)]
    assert sum(message.get(43) == "Y" for message in messages) >= BURST // 2
    alpha.nothing_more()


def test_a_member_may_begin_both_numbers_again(
    venue: RunningVenue, alpha: Member, make_member: MakeMember
) -> None:
    rest(alpha, 2)
    alpha.disconnect()
    again = make_member(venue, "ALPHA1", ResetOnLogon="Y")
    assert again.numbers() == (2, 2)
    # The numbers are new, the day is not.
    again.status("A2")
    again.next({150: "I", 39: "0", 34: "2"})
    again.order("A2", BUY, 1, "4800.25")
    again.next({150: "8", 103: "6"})


def test_a_second_connection_of_a_session_is_closed_and_the_first_goes_on(
    venue: RunningVenue, alpha: Member, make_member: MakeMember
) -> None:
    second = make_member(venue, "ALPHA1", connect=False)
    second.connect(wait=False)
    deadline = time.monotonic() + 5.0
    while (
        venue.figures("gateway-1")["connections"]["disconnects"].get(
            "the session is connected already", 0
        )
        == 0
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    alpha.order("A1", BUY, 1, "4800.25")
    alpha.next({150: "0"})
    assert second.received_admin == []
