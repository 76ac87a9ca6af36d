"""Bad fields and bad orders over TCP: the answer, and that the session and the others go on.

A fault of form is a Reject(3), what is well said but cannot be traded a refused order.
"""

from __future__ import annotations

import pytest
from faults import ORDER, Victim, changed, reject
from wire import utc

# --- Fields --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason", "tag"),
    [
        (f"{ORDER}0=x|", 0, None),
        (f"{ORDER}x=1|", 0, None),
        (f"{ORDER}=1|", 0, None),
        (f"{ORDER}058=x|", 0, 58),
        (f"{ORDER}-1=x|", 0, None),
        (f"{ORDER}4294967297=x|", 0, None),
        (changed(_11=""), 1, 11),
        (changed(_54=""), 1, 54),
        (changed(_60=""), 1, 60),
        (changed(_40=""), 1, 40),
        (f"{ORDER}58=|", 4, 58),
        (ORDER.replace("38=1|", "38=|"), 4, 38),
        (changed(_54="x"), 5, 54),
        (changed(_40="?"), 5, 40),
        (changed(_59="x"), 5, 59),
        (changed(_11="123456789012345678901"), 5, 11),
        (changed(_11="\xe9"), 5, 11),
        (changed(_54="11"), 6, 54),
        (changed(_38="one"), 6, 38),
        (changed(_38="1e30"), 6, 38),
        (changed(_38="+1"), 6, 38),
        (changed(_38="99999999999999999999"), 6, 38),
        (changed(_44="99999999999999999999"), 6, 44),
        (changed(_44="0.0000000000000000001"), 6, 44),
        (changed(_44="NaN"), 6, 44),
        (changed(_44="4,800"), 6, 44),
        (changed(_44="0x12"), 6, 44),
        (changed(_60="now"), 6, 60),
        (f"{ORDER}11=NAME|", 13, 11),
        (f"{ORDER}44=1|", 13, 44),
        (f"{ORDER}34=2|", 14, 34),
        (f"{ORDER}95=99999|96=x|", 6, 96),
        (f"{ORDER}95=18446744073709551616|96=x|", 6, 95),
        (f"{ORDER}95=-1|96=x|", 6, 95),
    ],
    ids=lambda value: value.removeprefix(ORDER) if isinstance(value, str) else str(value),
)
def test_a_field_fault_is_rejected_with_its_tag_and_the_session_goes_on(
    victim: Victim, body: str, reason: int, tag: int | None
) -> None:
    victim.sends_order(body)
    victim.hears(reject(reason, tag))
    victim.is_up()


def test_more_fields_than_are_read_are_rejected(victim: Victim) -> None:
    victim.sends_order(ORDER + "".join(f"{tag}=x|" for tag in range(5001, 5140)))
    victim.hears({35: "3", 45: "2", 373: "99"})
    victim.is_up()


@pytest.mark.parametrize(
    "more",
    ["5001=mine|", "58=a note|", "453=2|448=P|447=D|452=1|448=Q|447=D|452=3|", "95=3|96=a|b|"],
)
def test_fields_that_the_venue_does_not_need_are_read_over(victim: Victim, more: str) -> None:
    victim.sends_order(ORDER + more)
    victim.hears({35: "8", 150: "0", 11: victim.name})
    victim.is_up()


@pytest.mark.parametrize("msg_type", ["ZZ", "?", "d1", "AAAAAAAAAAAAAAAAAAAA"])
def test_a_message_type_that_fix_does_not_have_is_rejected(victim: Victim, msg_type: str) -> None:
    victim.wire.send(msg_type, {11: victim.name})
    victim.hears(reject(11, 35, 2, msg_type))
    victim.is_up()


@pytest.mark.parametrize("msg_type", ["V", "s", "AE", "E", "8"])
def test_a_message_type_that_is_not_offered_gets_a_business_reject(
    victim: Victim, msg_type: str
) -> None:
    victim.wire.send(msg_type, {11: victim.name})
    victim.hears({35: "j", 45: "2", 372: msg_type, 379: victim.name, 380: "3"})
    victim.is_up()


def test_routing_comes_back_reversed_on_rejects_and_only_where_it_says_something(
    victim: Victim,
) -> None:
    victim.sends_order(changed(_54="x"), header="115=DESK|128=BROKER|144=ROOM|")
    victim.heard += 1
    answer = victim.wire.next(reject(5, 54) | {128: "DESK", 115: "BROKER", 145: "ROOM"})
    assert not {116, 129, 144} & answer.keys()
    victim.is_up()


# --- Orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (changed(_44="4800.10"), "99"),
        (changed(_44="4800.000000000001"), "99"),
        (changed(_44="-4800.25"), "99"),
        (changed(_44="-0.25"), "99"),
        (changed(_44="0"), "99"),
        (changed(_44="10000.25"), "99"),
        (changed(_44="9223372036854775807"), "99"),
        (changed(_44="-9223372036854775807"), "99"),
        (changed(_38="0"), "13"),
        (changed(_38="-1"), "13"),
        (changed(_38="0.5"), "13"),
        (changed(_38="1.000000000000000001"), "13"),
        (changed(_38="501"), "3"),
        (changed(_38="9223372036854775807"), "3"),
        (changed(_55="NOWHERE"), "1"),
        (changed(_55="X" * 500), "1"),
        (changed(_55="ACME", _44="50", _38="150"), "13"),
        (f"{ORDER}210=5|", "11"),
        (changed(_54="5"), "11"),
        (changed(_40="P"), "11"),
        (f"{ORDER}18=R|", "11"),
        (f"{ORDER}9601=Y|", "11"),
        (f"{ORDER}1084=2|", "11"),
        (f"{ORDER}99=4800|", "99"),
        (changed(_40="3") + "99=4800.10|", "99"),
        (changed(_40="3") + "99=4800|1107=4|", "11"),
        (f"{ORDER}111=-1|", "13"),
        (f"{ORDER}111=1|1138=2|", "13"),
        (f"{ORDER}110=0.5|", "13"),
        (f"{ORDER}126=20260105-09:30:00|", "99"),
    ],
    ids=lambda value: value[:60],
)
def test_an_order_that_cannot_be_is_refused_with_its_reason(
    victim: Victim, body: str, reason: str
) -> None:
    victim.sends_order(body)
    victim.hears({35: "8", 37: "NONE", 150: "8", 39: "8", 103: reason})
    victim.is_up()


def test_a_limit_order_without_a_price_gets_a_business_reject(victim: Victim) -> None:
    victim.sends_order(changed(_44=""))
    victim.hears({35: "j", 45: "2", 372: "D", 379: victim.name, 380: "5"})
    victim.is_up()


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        (changed(_40="3"), 99),
        (changed(_40="4"), 99),
        (changed(_40="4", _44="") + "99=4800|", 44),
        (changed(_59="6"), 126),
    ],
    ids=["stop", "stop limit without a stop price", "stop limit without a price", "good till date"],
)
def test_an_order_function_without_its_field_gets_a_business_reject(
    victim: Victim, body: str, tag: int
) -> None:
    victim.sends_order(body)
    answer = victim.wire.next({35: "j", 45: "2", 372: "D", 380: "5"})
    assert f"({tag})" in answer[58]
    victim.heard += 1
    victim.is_up()


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("99=x", 6),
        ("110=x", 6),
        ("111=x", 6),
        ("1138=x", 6),
        ("1084=9", 5),
        ("1107=9", 5),
        ("126=tomorrow", 6),
        ("432=20260230", 6),
        ("18=66", 5),
        ("9601=yes", 6),
        ("2362=me", 6),
        ("2964=9", 5),
    ],
)
def test_a_field_of_an_order_function_that_is_not_of_its_form_is_rejected(
    victim: Victim, field: str, reason: int
) -> None:
    victim.sends_order(f"{ORDER}{field}|")
    victim.hears(reject(reason, int(field.partition("=")[0])))
    victim.is_up()


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({530: "7"}, {35: "r", 531: "7", 533: "0"}),
        ({530: "1", 55: "NOWHERE"}, {35: "r", 531: "0", 532: "1", 530: "1"}),
        ({530: "5"}, {35: "r", 531: "0", 532: "0"}),
        ({530: "1"}, {35: "j", 380: "5"}),
        ({530: "9"}, {35: "3", 371: "530", 373: "5"}),
        ({530: "7", 54: "5"}, {35: "3", 371: "54", 373: "5"}),
        ({}, {35: "3", 371: "530", 373: "1"}),
    ],
    ids=lambda value: "|".join(f"{tag}={text}" for tag, text in value.items()),
)
def test_a_mass_cancel_is_answered_or_refused_with_its_reason(
    victim: Victim, fields: dict[int, str], answer: dict[int, str]
) -> None:
    victim.wire.send("q", {11: victim.name, 60: utc()} | fields)
    victim.hears(answer)
    victim.is_up()
