"""docs/fix.md tells the truth: its programs run, its tables are those of the code and of FIX."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from orchestra import Orchestra, orchestra_dir
from quickfix_member import Fields, Member, dictionary
from running_venue import ROOT, RunningVenue
from wire import Connect, Wire, new_order, utc

PAGE = (ROOT / "docs/fix.md").read_text()

MESSAGES = re.findall(r"^### (\w+)\((\w)\)\n\n(.*?)(?=^#)", PAGE, re.MULTILINE | re.DOTALL)


def block(language: str) -> str:
    """Return the one code block of a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def table(section: str) -> list[tuple[str, int, bool]]:
    """Return name, tag and whether it is required of each field in a section's table."""
    rows = re.findall(r"^\| (\w+)\((\d+)\) \| ([YNC]) \|", section, re.MULTILINE)
    assert rows
    return [(name, int(tag), required == "Y") for name, tag, required in rows]


def test_the_client_of_the_quick_start_trades(venue: RunningVenue) -> None:
    host, port = venue.address
    program = block("python").replace('("127.0.0.1", 9878)', f'("{host}", {port})')
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.splitlines() == [
        "logged on: True",
        "ExecType: 0 OrdStatus: 0 OrderID: 1",
        "LeavesQty: 10 CumQty: 0 ",
        "logged out: True",
    ]


def test_quickfix_logs_on_with_the_settings_of_the_page(
    venue: RunningVenue, tmp_path: Path
) -> None:
    text = block("ini").replace("9878", str(venue.address[1]))
    text = text.replace("=store", f"={tmp_path}/store").replace("FIX44.xml", str(dictionary()))
    member = Member(venue.address, "ALPHA1", tmp_path)
    (tmp_path / "quickfix.cfg").write_text(
        text.replace("[SESSION]", f"FileLogPath={tmp_path}/log\n[SESSION]")
    )
    member.connect()
    member.order("A1", "1", 1, "4800.25")
    member.next({150: "0"})
    member.disconnect(logout=False)


def test_the_reasons_are_those_of_the_code() -> None:
    source = (ROOT / "core/types/src/reason.rs").read_text()
    code: dict[str, list[str]] = {}
    for function in ("ord_rej_reason", "cxl_rej_reason"):
        body = re.search(rf"fn {function}\(.*?^    }}", source, re.MULTILINE | re.DOTALL)
        assert body
        for names, value in re.findall(r"((?:Self::\w+[\s|]*)+)=> \{?\s*(\d+)", body[0]):
            for name in re.findall(r"Self::(\w+)", names):
                code.setdefault(name, []).append(value)
    # These two are no refusals of a member's message.
    del code["None"], code["PhaseNotAdmitted"]
    rows = re.findall(r"^\| (\w+) \| (\d+|-) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} == set(code)
    for name, ord_rej_reason, cxl_rej_reason in rows:
        assert ord_rej_reason in ("-", code[name][0]) and cxl_rej_reason == code[name][1], name


def test_what_is_not_offered_is_what_the_gateway_refuses() -> None:
    source = (ROOT / "gateway/gateway/src/order_terms.rs").read_text()
    listed = re.search(r"const NOT_OFFERED: [^=]+=\s+\[(.*?)\];", source, re.DOTALL)
    assert listed
    constants = (ROOT / "gateway/fix/src/tags.rs").read_text() + source
    refused = set()
    for name in re.findall(r"[A-Z_]{2,}", listed[1]):
        number = re.search(rf"\b{name}(?:: u32)? = (\d+)", constants)
        assert number, name
        refused.add(number[1])
    section = PAGE.split("\n## Not offered")[1].split("; and")[0]
    assert set(re.findall(r"[a-zA-Z]\((\d+)\)", section)) == refused


@pytest.fixture(scope="module")
def fix44() -> Orchestra:
    folder = orchestra_dir()
    if folder is None:
        pytest.skip("TOUCHLINE_DATA names no Orchestra files: the tables are not compared")
    return Orchestra(folder)


@pytest.mark.parametrize(
    ("name", "msg_type", "section"), MESSAGES, ids=[name for name, _, _ in MESSAGES]
)
def test_every_field_of_a_table_is_defined_for_its_message(
    fix44: Orchestra, name: str, msg_type: str, section: str
) -> None:
    message = fix44.messages[msg_type]
    assert message.name == name
    rows = table(section)
    for field, tag, _ in rows:
        assert fix44.fields[tag].name == field
        assert tag in message.tags, field
    # What FIX requires, the page requires. Without Symbol(55) FIX means another identifier.
    assert message.required <= {tag for _, tag, is_required in rows if is_required}


def every_message(venue: RunningVenue, connect: Connect) -> list[Fields]:
    """Make the venue send each of its messages, in each of its forms; return them all."""
    alpha, beta = connect("ALPHA1"), connect("BETA1")
    sent: list[Fields] = []

    def ask(wire: Wire, msg_type: str, body: Fields, answers: int = 1, **header: str) -> None:
        wire.send(msg_type, body, **header)
        sent.extend(wire.next() for _ in range(answers))

    ask(alpha, "A", {98: "0", 108: "0", 141: "Y"})
    ask(beta, "A", {98: "0", 108: "1"})
    ask(alpha, "1", {112: "x"})
    ask(alpha, "D", new_order("A1", _38="10"))
    ask(beta, "D", new_order("B1", _54="2", _38="4"), answers=2)
    sent.append(alpha.next())
    ask(alpha, "D", new_order("A2", _40="1", _59="3"), answers=2)
    ask(alpha, "G", new_order("A3", _41="A1", _38="9"))
    ask(alpha, "G", new_order("A4", _41="A1", _38="9"))
    ask(alpha, "H", {11: "A3", 55: "ESH4", 54: "1"})
    ask(alpha, "H", {11: "A9", 55: "ESH4", 54: "1"})
    ask(alpha, "H", {11: "A9", 55: "NOSUCH", 54: "1"})
    ask(alpha, "F", new_order("A5", _41="A3"))
    ask(alpha, "F", new_order("A6", _41="A3"))
    ask(alpha, "F", new_order("A7", _41="A3", _55="NOSUCH"))
    ask(alpha, "D", new_order("A8", _55="NOSUCH", _59="0"))
    ask(alpha, "D", new_order("A8", _54="5"))
    ask(alpha, "D", new_order("A1"))
    ask(alpha, "D", new_order("A8", _54="Z"))
    ask(alpha, "D", {11: "A8", 55: "ESH4", 54: "1", 60: utc(), 38: "1", 40: "2"})
    ask(alpha, "V", {262: "1", 263: "0", 264: "1"})
    # A gap of ours, and its fill.
    ask(alpha, "0", {}, seq=str(alpha.msg_seq_num + 1))
    alpha.send("4", {123: "Y", 36: str(alpha.msg_seq_num + 1)}, dup=utc(-1))
    alpha.msg_seq_num += 1
    # Everything again, and what comes after it.
    alpha.send("2", {7: "1", 16: "0"})
    alpha.send("1", {112: "end"})
    while sent[-1].get(112) != "end":
        sent.append(alpha.next())
    venue.set_phase("call", "ESH4")
    ask(beta, "D", new_order("B2", _38="2"))
    ask(beta, "D", new_order("B3", _54="2", _38="2"))
    venue.set_phase("continuous", "ESH4")
    sent += [beta.next(), beta.next()]
    while sent[-1][35] != "5":
        # BETA1 falls silent: Heartbeat, TestRequest, Logout.
        sent.append(beta.next())
    return sent


def test_the_venue_sends_what_the_page_and_fix_say(
    fix44: Orchestra, venue: RunningVenue, connect: Connect
) -> None:
    sent = every_message(venue, connect)
    assert {message[35] for message in sent} == set("01234589Aj")
    forms = {message[150] for message in sent if message[35] == "8"}
    assert forms == set("0F458I"), "every ExecType"
    header = {tag for _, tag, _ in table(PAGE.split("### Header and trailer")[1].split("\n## ")[0])}
    tables = {msg_type: table(section) for _, msg_type, section in MESSAGES}
    for message in sent:
        defined = fix44.messages[message[35]]
        assert set(message) <= defined.tags, message
        assert defined.required <= set(message), message
        for tag, value in message.items():
            values = fix44.fields[tag].values
            assert value and (not values or value in values), (tag, message)
        if message[35] in tables:
            rows = tables[message[35]]
            assert set(message) <= {tag for _, tag, _ in rows} | header, message
            required = {tag for _, tag, is_required in rows if is_required}
            assert required <= set(message), message
