"""Bad sessions over TCP, a test for each rule: the answer, the session afterwards, the others.

The rules are those of docs/fix.md, and of FIX 4.4 where engines disagree about it. Two other
sessions trade before and after every test, and must not miss or receive anything besides.
"""

from __future__ import annotations

import itertools
import random
import socket
import time

import pytest
from faults import FIELDS, LOGON_TIMEOUT_S, ORDER, Victim, Witnesses, frame, patiently, reject
from wire import SOH, Wire, utc

# --- The first message ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    {
        "no Logon": frame(f"35=1|34=1|49=NAME|52={utc()}|56=TOUCHLINE|112=x|".replace("|", SOH)),
        "noise": random.Random(4).randbytes(200),
        "another version": frame("35=A|34=1|49=NAME|".replace("|", SOH), "FIX.4.2"),
        "FIXT": frame("35=A|34=1|49=NAME|".replace("|", SOH), "FIXT.1.1"),
        "checksum": frame("35=A|34=1|".replace("|", SOH))[:-4] + b"000\x01",
        "BodyLength too short": frame("35=A|34=1|98=0|108=0|".replace("|", SOH), length="12"),
        "BodyLength huge": frame("35=A|34=1|".replace("|", SOH), length="999999999"),
        "BodyLength of 20 digits": frame("35=A|".replace("|", SOH), length="00000000000000000012"),
        "BodyLength negative": frame("35=A|".replace("|", SOH), length="-1"),
        "BodyLength empty": frame("35=A|".replace("|", SOH), length=""),
        "BodyLength zero": frame("35=A|".replace("|", SOH), length="0"),
        "MsgType not third": frame("34=1|35=A|".replace("|", SOH)),
        "MsgType empty": frame("35=|34=1|".replace("|", SOH)),
        "no BeginString at all": b"GET / HTTP/1.1\r\nHost: venue\r\n\r\n",
        "zeros": bytes(5000),
    }.items(),
    ids=lambda row: row[0],
)
def test_a_first_message_that_is_no_logon_is_closed_without_a_word(
    stranger: Victim, data: tuple[str, bytes]
) -> None:
    stranger.wire.send_bytes(data[1].replace(b"NAME", stranger.name.encode()))
    stranger.is_closed(next_number=1)


@pytest.mark.parametrize(("tag", "value"), [(49, "NOBODY"), (49, ""), (56, "ELSEWHERE"), (56, "")])
def test_a_logon_of_another_identity_is_closed_without_a_word(
    stranger: Victim, tag: int, value: str
) -> None:
    header = {35: "A", 34: "1", 49: stranger.name, 52: utc(), 56: "TOUCHLINE", 98: "0", 108: "0"}
    stranger.sends(*(header | {tag: value}).items())
    stranger.is_closed(next_number=1)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ({52: "-200 s"}, "tag 52"),
        ({52: "+200 s"}, "tag 52"),
        ({52: "yesterday"}, "tag 52"),
        ({52: "20260230-00:00:00"}, "tag 52"),
        ({34: "x"}, "tag 34"),
        ({34: "18446744073709551616"}, "tag 34"),
        ({98: "1"}, "tag 98"),
        ({108: "-1"}, "tag 108"),
        ({108: "4294967296"}, "tag 108"),
        ({108: ""}, "tag 108"),
        ({141: "Q"}, "tag 141"),
        ({34: "7", 141: "Y"}, "tag 141"),
        ({0: "x"}, "tag 0"),
    ],
    ids=str,
)
def test_a_logon_that_cannot_be_accepted_is_told_why_and_uses_no_number(
    stranger: Victim, header: dict[int | str, str], text: str
) -> None:
    fields = {35: "A", 34: "1", 49: stranger.name, 52: utc(), 56: "TOUCHLINE", 98: "0", 108: "0"}
    fields |= header
    if fields[52].endswith(" s"):  # seconds from now, and not from when the tests were collected
        fields[52] = utc(int(fields[52].removesuffix(" s")))
    stranger.sends(*fields.items())
    stranger.heard += 1
    assert text in stranger.wire.next({35: "5", 34: "1"})[58]
    stranger.is_closed(next_number=1)


def test_a_logon_with_a_number_too_high_is_answered_and_then_the_gap_is_asked_for(
    stranger: Victim,
) -> None:
    stranger.close()
    stranger.connect(5)
    stranger.wire.logon()
    stranger.hears({35: "A"}, {35: "2", 7: "1", 16: "0"})
    stranger.wire.send("4", {123: "Y", 36: "5"}, seq="1", dup=utc(-1))
    stranger.is_up(next_number=6)


def test_a_logon_with_a_number_too_low_is_told_both_numbers(victim: Victim) -> None:
    victim.is_up()
    victim.close()
    patiently(victim, 3)
    victim.close()
    for _ in range(200):
        victim.connect(2)
        victim.wire.logon()
        if answer := victim.wire._message():
            break
    victim.heard += 1
    assert answer[58] == "MsgSeqNum too low, expecting 4 but received 2", answer
    victim.is_closed(next_number=4)


def test_a_second_connection_is_closed_and_the_first_goes_on(victim: Victim) -> None:
    second = Wire(victim.venue.address, victim.name, 2)
    second.logon()
    second.closed()
    second.close()
    victim.is_up()


def test_a_silent_connection_is_closed_at_the_logon_deadline(stranger: Victim) -> None:
    began = time.monotonic()
    stranger.wire.closed()
    assert LOGON_TIMEOUT_S - 0.1 < time.monotonic() - began < LOGON_TIMEOUT_S + 2
    stranger.is_closed(next_number=1)


def test_a_logon_that_comes_too_slowly_is_cut_off_at_the_deadline(stranger: Victim) -> None:
    began = time.monotonic()
    with pytest.raises(OSError):
        for byte in itertools.cycle(
            b"8=FIX.4.4\x019=100\x0135=A\x01" + b"58=aaaaaaaaaaaaaaa\x01" * 9
        ):
            stranger.wire.send_bytes(bytes([byte]))
            time.sleep(0.02)
    assert time.monotonic() - began < LOGON_TIMEOUT_S + 2
    stranger.is_closed(next_number=1)


# --- Numbers -------------------------------------------------------------------------------------


def test_a_number_too_low_ends_the_session_with_both_numbers(victim: Victim) -> None:
    victim.wire.send("0", seq="1")
    victim.hears({35: "5", 58: "MsgSeqNum too low, expecting 2 but received 1"})
    victim.is_closed(next_number=2)


def test_poss_dup_flag_excuses_a_number_that_was_seen(victim: Victim) -> None:
    victim.sends_order(ORDER)
    victim.hears({35: "8", 150: "0"})
    victim.wire.send(
        "D",
        {int(tag): value for tag, value in FIELDS.items()} | {11: victim.name},
        seq="2",
        dup=utc(-1),
    )
    victim.is_up()


def test_poss_dup_flag_does_not_excuse_a_number_too_high(victim: Victim) -> None:
    victim.wire.send("1", {112: "late"}, seq="4", dup=utc(-1))
    victim.hears({35: "2", 7: "2", 16: "0"})
    victim.wire.send("4", {123: "Y", 36: "4"}, seq="2", dup=utc(-1))
    victim.hears({35: "0", 112: "late"})
    victim.is_up(next_number=5)


def test_poss_dup_without_its_first_time_is_rejected(victim: Victim) -> None:
    victim.sends_order(ORDER, header="43=Y|")
    victim.hears(reject(1, 122))
    victim.is_up()


def test_poss_dup_that_was_first_sent_later_than_now_ends_the_session(victim: Victim) -> None:
    victim.sends_order(ORDER, header=f"43=Y|122={utc(+60)}|")
    victim.hears(reject(10, 122), {35: "5"})
    victim.is_closed(next_number=3)


def test_a_gap_is_asked_for_once_and_taken_in_order_once_it_is_filled(victim: Victim) -> None:
    for number in ("4", "5", "6"):
        victim.wire.send("1", {112: number}, seq=number)
    victim.hears({35: "2", 7: "2", 16: "0"})
    victim.wire.send("1", {112: "2"}, seq="2", dup=utc(-1))
    victim.hears({35: "0", 112: "2"})
    victim.wire.send("1", {112: "3"}, seq="3", dup=utc(-1))
    victim.hears(*({35: "0", 112: number} for number in ("3", "4", "5", "6")))
    victim.is_up(next_number=7)


def test_the_largest_number_is_a_gap_like_any_other(victim: Victim) -> None:
    victim.wire.send("1", {112: "far"}, seq="18446744073709551615")
    victim.hears({35: "2", 7: "2", 16: "0"})
    victim.is_up()


@pytest.mark.parametrize("number", ["18446744073709551616", "-1", "1e3", "2.0", "0x2", "", None])
def test_a_number_that_is_none_ends_the_session(victim: Victim, number: str | None) -> None:
    fields = [(35, "1"), (34, number), (49, victim.name), (52, utc()), (56, "TOUCHLINE")]
    victim.sends(*((tag, value) for tag, value in fields if value is not None), (112, "x"))
    victim.hears({35: "5", 58: "MsgSeqNum(34) is missing or not a number"})
    victim.is_closed(next_number=2)


def test_a_resend_request_is_answered_with_the_same_bodies_and_one_gap_fill(victim: Victim) -> None:
    victim.sends_order(ORDER)
    first = victim.wire.next({35: "8", 34: "2"})
    victim.heard += 1
    victim.is_up()
    for end in ("0", "99"):
        victim.wire.send("2", {7: "1", 16: end})
        victim.wire.next({35: "4", 34: "1", 43: "Y", 123: "Y", 36: "2"})
        again = victim.wire.next({35: "8", 34: "2", 43: "Y", 122: first[52]})
        header = {9, 10, 43, 52, 122}
        assert {tag: value for tag, value in again.items() if tag not in header} == {
            tag: value for tag, value in first.items() if tag not in header
        }
        victim.wire.next({35: "4", 34: "3", 43: "Y", 123: "Y", 36: str(victim.heard + 1)})
    victim.is_up()


@pytest.mark.parametrize(
    ("begin", "end", "tag", "reason"),
    [
        ("0", "0", 7, 5),
        ("9", "0", 7, 5),
        ("18446744073709551615", "0", 7, 5),
        ("18446744073709551616", "0", 7, 6),
        ("2", "1", 16, 5),
        ("1", "-1", 16, 6),
    ],
)
def test_a_resend_request_for_what_cannot_be_is_rejected(
    victim: Victim, begin: str, end: str, tag: int, reason: int
) -> None:
    victim.is_up()
    victim.wire.send("2", {7: begin, 16: end})
    victim.hears(reject(reason, tag, 3, "2"))
    victim.is_up()


@pytest.mark.parametrize(("new", "reason"), [("2", 5), ("1", 5), ("0", 5), ("x", 6), ("", 4)])
def test_a_gap_fill_that_does_not_move_on_is_rejected(
    victim: Victim, new: str, reason: int
) -> None:
    victim.wire.send("4", {123: "Y", 36: new})
    victim.hears(reject(reason, 36, 2, "4"))
    # It may come again, right: its number was not used.
    victim.wire.send("4", {123: "Y", 36: "9"}, seq="2")
    victim.is_up(next_number=9)


def test_a_reset_ignores_its_own_number_but_never_goes_back(victim: Victim) -> None:
    victim.wire.send("4", {36: "20"}, seq="7")
    victim.is_up(next_number=20)
    victim.wire.send("4", {36: "3"})
    victim.hears(reject(5, 36, 21, "4"))
    victim.is_up(next_number=21)


@pytest.mark.parametrize(
    ("msg_seq_num", "next_number"), [("1", None), ("5", 2)], ids=["accepted", "refused"]
)
def test_reset_seq_num_flag_begins_both_again_only_with_number_one(
    victim: Victim, msg_seq_num: str, next_number: int | None
) -> None:
    victim.wire.send("A", {98: "0", 108: "0", 141: "Y"}, seq=msg_seq_num)
    if next_number is None:
        victim.heard = 0
        victim.hears({35: "A", 141: "Y"})
        victim.is_up(next_number=2)
    else:
        victim.hears({35: "5", 58: "tag 141: Value is incorrect (out of range) for this tag"})
        victim.is_closed(next_number)


def test_a_second_logon_without_a_reset_is_rejected(victim: Victim) -> None:
    victim.wire.send("A", {98: "0", 108: "0"})
    victim.hears(reject(99, 35, 2, "A"))
    victim.is_up()


# --- Garbled -------------------------------------------------------------------------------------


def heartbeat(victim: Victim, length: str | None = None) -> bytes:
    """Return Heartbeat(0) number 2 of a session."""
    body = f"35=0|34=2|49={victim.name}|52={utc()}|56=TOUCHLINE|"
    return frame(body.replace("|", SOH), length=length)


@pytest.mark.parametrize(
    "fault",
    ["checksum", "no checksum", "1", "0", "-1", "", "00000000000000000012", "third", "empty type"],
)
def test_garbled_bytes_do_not_count_and_the_next_message_shows_the_gap(
    victim: Victim, fault: str
) -> None:
    good = heartbeat(victim)
    swapped = good.replace(b"35=0\x0134=2\x01", b"34=2\x0135=0\x01")
    data = {
        "checksum": good[:-4] + b"%03d\x01" % ((int(good[-4:-1]) + 1) % 256),
        "no checksum": good[:-7],
        "third": swapped,
        "empty type": frame("35=|34=2|".replace("|", SOH)),
    }
    victim.wire.send_bytes(data.get(fault) or heartbeat(victim, length=fault))
    victim.is_up()


def test_a_length_beyond_the_bound_ends_the_session(victim: Victim) -> None:
    victim.wire.send_bytes(heartbeat(victim, length="999999999"))
    victim.hears({35: "5", 58: "a message is too long"})
    victim.is_closed(next_number=2)


def test_a_length_that_is_a_little_too_long_hides_no_message_behind_it(victim: Victim) -> None:
    victim.wire.send_bytes(heartbeat(victim, length="90"))
    for number in ("2", "3"):
        victim.wire.send("1", {112: number}, seq=number)
    victim.hears({35: "0", 112: "2"}, {35: "0", 112: "3"})
    victim.is_up(next_number=4)


def test_a_logon_cut_off_at_any_byte_uses_no_number(stranger: Victim) -> None:
    header = f"35=A|34=1|49={stranger.name}|52={utc()}|56=TOUCHLINE|98=0|108=0|"
    logon = frame(header.replace("|", SOH))
    for length in range(len(logon)):
        with socket.create_connection(stranger.venue.address, 10) as link:
            link.sendall(logon[:length])
    stranger.log_on()
    stranger.is_up()


def test_an_order_cut_off_at_any_byte_is_no_order(victim: Victim) -> None:
    body = f"35=D|34=2|49={victim.name}|52={utc()}|56=TOUCHLINE|{ORDER}"
    order = frame(body.replace("NAME", victim.name).replace("|", SOH))
    for length in range(1, len(order)):
        number = victim.wire.msg_seq_num
        header = f"49={victim.name}|52={utc()}|56=TOUCHLINE|"
        behind = [
            frame(f"35=1|34={number + at}|{header}112={number + at}|".replace("|", SOH))
            for at in range(3)
        ]
        victim.wire.send_bytes(order[:length] + b"".join(behind))
        victim.wire.msg_seq_num += 3
        # Where the cut order would end just where a message does, it takes what is before along:
        # the next one shows the gap. Else nothing is lost.
        ends = list(itertools.accumulate(map(len, behind), initial=length))
        swallowed = ends.index(len(order)) if len(order) in ends else 0
        if swallowed:
            victim.hears({35: "2", 7: f"{number}", 16: "0"})
            new = str(number + swallowed)
            victim.wire.send("4", {123: "Y", 36: new}, seq=str(number), dup=utc(-1))
        victim.hears(*({35: "0", 112: f"{number + at}"} for at in range(swallowed, 3)))
    victim.is_up()


@pytest.mark.parametrize("seed", range(5))
def test_noise_between_messages_is_passed_over(victim: Victim, seed: int) -> None:
    noise = random.Random(seed)
    for number in range(2, 12):
        victim.wire.send_bytes(noise.randbytes(noise.randrange(1, 3000)))
        victim.wire.send("1", {112: f"{number}"})
        victim.hears({35: "0", 112: f"{number}"})
    victim.is_up()


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_byte_never_makes_another_order(victim: Victim, seed: int) -> None:
    noise = random.Random(seed)
    body = f"35=D|34=2|49={victim.name}|52={utc()}|56=TOUCHLINE|{ORDER}".replace(
        "NAME", victim.name
    )
    for _ in range(40):
        order = bytearray(frame(body.replace("|", SOH)))
        # Not in the frame's own first fields: a length that is out of bounds ends the session.
        order[noise.randrange(20, len(order) - 8)] ^= 1 << noise.randrange(7)
        victim.wire.send_bytes(bytes(order))
    victim.is_up()


def test_an_order_that_comes_a_byte_at_a_time_is_an_order(
    victim: Victim, witnesses: Witnesses
) -> None:
    body = f"35=D|34=2|49={victim.name}|52={utc()}|56=TOUCHLINE|{ORDER}".replace(
        "NAME", victim.name
    )
    victim.wire.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at, byte in enumerate(frame(body.replace("|", SOH))):
        victim.wire.send_bytes(bytes([byte]))
        if at % 20 == 0:
            witnesses.trade()
    victim.hears({35: "8", 150: "0", 11: victim.name})
    victim.is_up(next_number=3)


# --- Time and identity ---------------------------------------------------------------------------


def test_silence_is_asked_about_and_then_ended(stranger: Victim) -> None:
    stranger.log_on("1")
    began = time.monotonic()
    heard = [stranger.wire.next()]
    while heard[-1][35] != "5":
        heard.append(stranger.wire.next())
    assert 2.0 < time.monotonic() - began < 5.0
    stranger.heard += len(heard)
    assert [message[35] for message in heard if message[35] != "0"] == ["1", "5"]
    stranger.is_closed(next_number=2)


@pytest.mark.parametrize("seconds", [-130.0, 130.0])
def test_a_clock_that_is_off_is_rejected_and_ends_the_session(
    victim: Victim, seconds: float
) -> None:
    victim.wire.send("0", time=utc(seconds))
    victim.hears(reject(10, 52, 2, "0"), {35: "5", 58: "SendingTime accuracy problem"})
    victim.is_closed(next_number=3)


@pytest.mark.parametrize(
    "text", ["yesterday", "20260105", "20261305-00:00:00", "20260105-25:00:00"]
)
def test_a_time_that_is_none_is_rejected_and_the_session_goes_on(victim: Victim, text: str) -> None:
    victim.wire.send("0", time=text)
    victim.hears(reject(6, 52, 2, "0"))
    victim.is_up()


@pytest.mark.parametrize(("tag", "value"), [(49, "W1"), (49, "x"), (56, "ELSEWHERE")])
def test_another_comp_id_inside_a_session_ends_it(victim: Victim, tag: int, value: str) -> None:
    header = {35: "0", 34: "2", 49: victim.name, 52: utc(), 56: "TOUCHLINE"}
    victim.sends(*(header | {tag: value}).items())
    victim.hears(reject(9, tag, 2, "0"), {35: "5", 58: "CompID problem"})
    victim.is_closed(next_number=3)


def test_a_comp_id_that_is_missing_inside_a_session_ends_it(victim: Victim) -> None:
    victim.sends((35, "0"), (34, "2"), (49, victim.name), (52, utc()))
    victim.hears(reject(1, 56, 2, "0"), {35: "5"})
    victim.is_closed(next_number=3)


@pytest.mark.parametrize("begin", ["FIX.4.2", "FIX.5.0", "FIXT.1.1"])
def test_another_version_inside_a_session_ends_it_with_a_logout_alone(
    victim: Victim, begin: str
) -> None:
    header = [(35, "0"), (34, "2"), (49, victim.name), (52, utc()), (56, "TOUCHLINE")]
    victim.sends(*header, begin=begin)
    victim.hears({35: "5", 58: "Incorrect BeginString"})
    victim.is_closed(next_number=2)


def test_a_logout_is_answered(victim: Victim) -> None:
    victim.wire.send("5")
    victim.hears({35: "5"})
    victim.is_closed(next_number=3)
