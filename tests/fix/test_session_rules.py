"""The session rules that docs/fix.md states, byte for byte over TCP."""

from __future__ import annotations

import time

import pytest
from quickfix_member import Fields
from wire import Connect, Wire, framed, new_order, utc


@pytest.fixture
def member(connect: Connect) -> Wire:
    """ALPHA1, logged on, without heartbeats."""
    wire = connect()
    wire.logon()
    wire.next({35: "A", 34: "1", 49: "TOUCHLINE", 56: "ALPHA1", 98: "0", 108: "0"})
    return wire


@pytest.mark.parametrize(
    ("comp_id", "target"), [("GAMMA1", "TOUCHLINE"), ("ALPHA1", "ELSEWHERE")], ids=str
)
def test_a_stranger_is_closed_without_a_word(connect: Connect, comp_id: str, target: str) -> None:
    wire = connect(comp_id)
    wire.logon(target=target)
    wire.closed()


def test_a_first_message_that_is_no_logon_closes_the_connection(connect: Connect) -> None:
    wire = connect()
    wire.send("1", {112: "anyone?"})
    wire.closed()
    # No number was used.
    wire = connect()
    wire.logon()
    wire.next({35: "A", 34: "1"})


def test_another_version_is_closed_without_a_word(connect: Connect) -> None:
    wire = connect()
    fields = {35: "A", 34: "1", 49: "ALPHA1", 52: utc(), 56: "TOUCHLINE", 98: "0", 108: "30"}
    wire.send_bytes(framed(fields, "FIX.4.2"))
    wire.closed()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({98: "0", 108: "3601"}, "HeartBtInt(108) must be 0 to 3600"),
        ({98: "1", 108: "30"}, "tag 98"),
        ({98: "0"}, "tag 108"),
        ({98: "0", 108: "-1"}, "tag 108"),
    ],
)
def test_a_logon_that_cannot_be_accepted_is_answered_with_the_reason(
    connect: Connect, body: dict[int, str], text: str
) -> None:
    wire = connect()
    wire.send("A", body)
    assert text in wire.next({35: "5"})[58]
    wire.closed()


def test_a_second_connection_is_closed_and_the_first_goes_on(
    connect: Connect, member: Wire
) -> None:
    second = connect()
    second.logon(seq="2")
    second.closed()
    member.send("1", {112: "still here"})
    member.next({35: "0", 112: "still here"})


def test_a_number_that_was_used_ends_the_session(connect: Connect, member: Wire) -> None:
    member.send("0", seq="1")
    member.next({35: "5", 58: "MsgSeqNum too low, expecting 2 but received 1"})
    member.closed()
    again = connect(msg_seq_num=1)
    again.logon()
    again.next({35: "5", 58: "MsgSeqNum too low, expecting 2 but received 1"})
    again.closed()


def test_a_number_that_was_used_is_passed_over_with_poss_dup_flag(member: Wire) -> None:
    member.send("D", new_order("A1"))
    member.next({35: "8", 150: "0"})
    member.send("D", new_order("A1"), seq="2", dup=utc(-1))
    member.send("1", {112: "next"})
    member.next({35: "0", 112: "next"})


def test_a_gap_is_asked_for_once_and_what_came_above_it_is_kept(member: Wire) -> None:
    member.send("D", new_order("A3"), seq="4")
    member.next({35: "2", 7: "2", 16: "0"})
    member.send("D", new_order("A4"), seq="5")
    for seq in ("2", "3"):
        member.send("D", new_order(f"A{int(seq) - 1}"), seq=seq, dup=utc(-1))
    taken = [member.next({35: "8", 150: "0"})[11] for _ in range(4)]
    assert taken == ["A1", "A2", "A3", "A4"]


def test_a_gap_fill_passes_over_numbers(member: Wire) -> None:
    member.send("D", new_order("A1"), seq="7")
    member.next({35: "2", 7: "2"})
    member.send("4", {123: "Y", 36: "7"}, seq="2", dup=utc(-1))
    member.next({35: "8", 11: "A1"})


def test_a_sequence_reset_moves_the_number_on_but_not_back(member: Wire) -> None:
    member.send("4", {36: "20"}, seq="999")
    member.send("1", {112: "at 20"}, seq="20")
    member.next({35: "0", 112: "at 20"})
    member.send("4", {36: "5"}, seq="21")
    member.next({35: "3", 373: "5", 371: "36"})


def test_reset_seq_num_flag_begins_both_numbers_again_inside_a_session(member: Wire) -> None:
    member.send("1", {112: "x"})
    member.next({35: "0", 34: "2"})
    member.send("A", {98: "0", 108: "0", 141: "Y"}, seq="1")
    member.next({35: "A", 34: "1", 141: "Y"})
    member.send("1", {112: "y"}, seq="2")
    member.next({35: "0", 34: "2", 112: "y"})


def test_a_garbled_message_is_passed_over_and_shows_as_a_gap(member: Wire) -> None:
    good = framed({35: "0", 34: "2", 49: "ALPHA1", 52: utc(), 56: "TOUCHLINE"})
    member.send_bytes(good[:-4] + b"999\x01")
    member.send("0", seq="3")
    member.next({35: "2", 7: "2", 16: "0"})


@pytest.mark.parametrize("seconds", [-130, 130])
def test_a_clock_that_is_off_by_two_minutes_ends_the_session(member: Wire, seconds: int) -> None:
    member.send("0", time=utc(seconds))
    member.next({35: "3", 373: "10", 371: "52"})
    member.next({35: "5"})
    member.closed()


def test_a_comp_id_that_changes_ends_the_session(member: Wire) -> None:
    member.send("0", target="ELSEWHERE")
    member.next({35: "3", 373: "9", 371: "56"})
    member.next({35: "5"})
    member.closed()


def test_a_silent_member_is_asked_and_then_logged_out(connect: Connect) -> None:
    wire = connect("BETA1")
    wire.logon("1")
    wire.next({35: "A", 108: "1"})
    began = time.monotonic()
    heard: list[Fields] = []
    while not heard or heard[-1][35] != "5":
        heard.append(wire.next())
    assert 2.0 < time.monotonic() - began < 4.0
    assert [message[35] for message in heard if message[35] != "0"] == ["1", "5"]
    wire.closed()


def test_a_logout_is_answered_and_the_venue_closes(member: Wire) -> None:
    member.send("5")
    member.next({35: "5"})
    member.closed()


def test_a_logout_above_a_gap_is_answered_and_the_gap_is_shown_at_the_next_logon(
    connect: Connect, member: Wire
) -> None:
    member.send("5", seq="9")
    member.next({35: "5"})
    member.closed()
    again = connect(msg_seq_num=10)
    again.logon()
    again.next({35: "A"})
    again.next({35: "2", 7: "2", 16: "0"})


def test_orders_stay_when_their_member_goes(connect: Connect, member: Wire) -> None:
    member.send("D", new_order("A1"))
    order = member.next({150: "0"})
    member.close()
    # The end of the old connection may be seen a moment later than the new one.
    for _ in range(100):
        again = connect(msg_seq_num=3)
        again.logon()
        if answer := again._message():
            break
        time.sleep(0.02)
    assert answer[35] == "A"
    again.send("H", {11: "A1", 55: "ESH4", 54: "1"})
    again.next({150: "I", 39: "0", 37: order[37], 151: "1"})


def test_a_message_that_is_too_long_ends_the_session(member: Wire) -> None:
    member.send("D", new_order("A1", _58="x" * 5000))
    member.next({35: "5", 58: "a message is too long"})
    member.closed()


def test_user_fields_and_texts_are_read_over(member: Wire) -> None:
    member.send("D", new_order("A1", _1="ACCOUNT", _58="a note", _5001="mine"))
    member.next({35: "8", 150: "0", 11: "A1"})
