"""Readers of the feed that others have made see what our own subscriber sees.

A venue runs, members trade in it, and the incremental line A is recorded. The Java reader that
sbe-tool has generated, Wireshark with our dissector, and our subscriber must print the same trades.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from capture_file import Recorder, write_capture
from java_reader import ROOT, java_command, run_java
from running_venue import RunningVenue, find_program
from vectors import MESSAGES, split

from touchline.marketdata import MatchEventIndicator, Side, Subscriber
from touchline.marketdata._messages import PACKET_HEADER_DTYPE

DISSECTOR = ROOT / "marketdata/wireshark/touchline.lua"
VECTORS = ROOT / "marketdata/codec/tests/sbe_tool.txt"
RECORDING = Path("l3/esh4-glbx-mdp3-20231225.mbo.dbn.zst")
# 23:00 UTC of 2023-12-25: the recorded market opens.
OPEN_NS = 1_703_545_200_000_000_000
MINUTE_NS = 60_000_000_000
PLAY_S = 60.0
TRADE_FIELDS = ("instrument_id", "last_px", "last_qty", "trd_match_id", "aggressor_side")


def trades_of(subscriber: Subscriber) -> list[str]:
    """Trades since the last call, as lines; of the two sides of an uncross one."""
    return [
        f"{row['instrument_id']} {row['price']} {row['qty']} {row['trd_match_id']} "
        f"{Side(row['aggressor_side']).name.capitalize()}"
        for row in subscriber.trades()
        if row["flags"] & MatchEventIndicator.PRINTABLE
    ]


def tshark(capture: Path, *arguments: str) -> list[str]:
    """The lines that tshark prints of a capture, with our dissector."""
    command = ["tshark", "-n", "-X", f"lua_script:{DISSECTOR}", "-r", str(capture), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Lua" not in done.stdout + done.stderr, done.stderr
    return done.stdout.splitlines()


def tshark_trades(capture: Path) -> list[str]:
    """The trades that tshark reads in a capture."""
    names = [*TRADE_FIELDS, "indicator.printable"]
    fields = [part for name in names for part in ("-e", f"touchline.order_execute.{name}")]
    executions = ["-Y", "touchline.order_execute && touchline.packet.flags.incremental == 1"]
    trades = []
    for line in tshark(capture, *executions, "-T", "fields", "-E", "occurrence=a", *fields):
        columns = [column.split(",") for column in line.split("\t")]
        for *trade, side, printable in zip(*columns, strict=True):
            if printable in ("1", "True"):
                trades.append(" ".join([*trade, Side(int(side)).name.capitalize()]))
    return trades


def group_of(venue: RunningVenue) -> tuple[str, int]:
    """Address and port of line A of the incremental channel."""
    found = re.search(r'incremental = .*\ba = "([\d.]+):(\d+)"', venue.config.read_text())
    assert found
    return found[1], int(found[2])


@contextmanager
def live_subscriber(venue: RunningVenue) -> Iterator[Subscriber]:
    """Our subscriber, once its books are right: it misses no trade of what comes then."""
    with Subscriber(venue.config) as subscriber:
        deadline = time.monotonic() + PLAY_S
        while not subscriber.is_live:
            subscriber.poll()
            assert time.monotonic() < deadline, subscriber.counters()
        yield subscriber


def play(
    venue: RunningVenue, subscriber: Subscriber, *arguments: str | Path
) -> tuple[dict[str, Any], list[str]]:
    """Let members trade to their end; give their summary, and the trades of the feed."""
    command = [find_program("touchline-members"), *arguments, "--config", venue.config]
    said = venue.folder / "members.txt"
    trades = []
    with said.open("w") as out:
        members = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PLAY_S
        while members.poll() is None:
            assert time.monotonic() < deadline, "members did not end"
            subscriber.poll(timeout_ms=20)
            trades += trades_of(subscriber)
    finally:
        members.kill()
        members.wait()
    assert members.returncode == 0, said.read_text()[-2000:]
    newest = venue.admin({"command": "status"})["seq"]
    while venue.figures("publisher")["last_seq"] < newest:
        assert time.monotonic() < deadline, "the publisher did not come to the end"
        subscriber.poll(timeout_ms=20)
    while subscriber.poll(timeout_ms=100) and time.monotonic() < deadline:
        trades += trades_of(subscriber)
    trades += trades_of(subscriber)
    assert subscriber.counters()["packets_lost"] == 0
    return json.loads(said.read_text().splitlines()[-1]), trades


def flow() -> tuple[list[str | Path], int]:
    """What members play: the opening of the ES day, or synthetic flow; and until when at least."""
    folder = os.environ.get("TOUCHLINE_DATA")
    if folder and (Path(folder) / RECORDING).is_file():
        day = Path(folder) / RECORDING
        return ["replay", day, "--as", "market", "--limit", "10"], OPEN_NS + MINUTE_NS
    return ["simulate", "--commands", "20000", "--limit", "20"], 0


def test_java_tshark_and_our_subscriber_print_the_same_trades(make_venue, tmp_path):
    arguments, until_ns = flow()
    venue = make_venue(phase="call" if until_ns else "continuous", durability="async")
    group = group_of(venue)
    with live_subscriber(venue) as subscriber, closing(Recorder(group)) as recorder:
        said, ours = play(venue, subscriber, *arguments)
    assert said.get("at_ns", 0) >= until_ns
    capture = tmp_path / "line_a.pcap"
    write_capture(capture, group, recorder.datagrams)
    java = run_java("trades", capture)
    dissected = tshark_trades(capture)
    sides = Counter(line.split()[-1] for line in ours)
    print(
        f"{len(ours)} trades, {dict(sides)}, in {len(recorder.datagrams)} packets, {arguments[0]}"
    )
    assert len(ours) > 100
    # The day opens with an uncross, which has no aggressor.
    assert set(sides) == {"Buy", "Sell"} | ({"Undisclosed"} if until_ns else set())
    assert java == ours
    assert dissected == ours


@contextmanager
def wire_capture(path: Path, group: tuple[str, int]) -> Iterator[None]:
    """Capture a group's packets on the loopback interface."""
    only = f"dst host {group[0]} and udp dst port {group[1]}"
    command = ["dumpcap", "-q", "-P", "-i", "lo", "-f", only, "-w", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as capture:
        assert capture.stderr is not None
        said = ""
        while not said.startswith("File: "):  # it captures from here on
            said = capture.stderr.readline()
            assert said, f"dumpcap ended with {capture.wait()}"
        yield
        capture.send_signal(signal.SIGINT)
        capture.stderr.read()
        assert capture.wait() == 0


def test_a_java_subscriber_on_the_multicast_group_prints_the_trades_as_they_happen(
    make_venue, tmp_path
):
    venue = make_venue(durability="async")
    group = group_of(venue)
    join = java_command("join", f"{group[0]}:{group[1]}", "127.0.0.1", "30")
    wire = tmp_path / "wire.pcap"
    may_capture = os.geteuid() == 0
    captured = wire_capture(wire, group) if may_capture else closing(Recorder(group))
    with (
        captured,
        live_subscriber(venue) as subscriber,
        subprocess.Popen(join, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as java,
    ):
        while java.stderr.readline() != "joined\n":
            assert java.poll() is None
        _, ours = play(
            venue, subscriber, "simulate", "--commands", "3000", "--speed", "100", "--limit", "5"
        )
        assert venue.stop() == 0  # the feed says that its session is over
        printed, failure = java.communicate(timeout=PLAY_S)
        assert java.returncode == 0, failure
        time.sleep(0.5 if may_capture else 0)  # dumpcap reads packets in batches
    assert len(ours) > 10
    assert printed.splitlines() == ours
    if may_capture:
        assert tshark_trades(wire) == ours


def vectors_capture(path: Path, damage: Any = lambda packet: packet) -> None:
    """The packets with drawn values of every field, as a capture."""
    packets = [bytes.fromhex(lines[-1][2:]) for lines in split(VECTORS.read_text())]
    group = ("239.255.1.1", 31001)
    write_capture(path, group, [(at, damage(packet)) for at, packet in enumerate(packets, 1)])


def test_the_dissector_shows_every_field_of_every_message_by_its_name(tmp_path):
    vectors_capture(tmp_path / "vectors.pcap")
    shown = tshark(tmp_path / "vectors.pcap", "-d", "udp.port==31001,touchline", "-V")
    shown = [line.strip() for line in shown]
    for *lines, _ in split(VECTORS.read_text()):
        for line in lines:
            for name, value in re.findall(r"(\w+): (-?\w+)[, ]", line):
                if value.lstrip("-").isdigit() and name not in ("flags", "version", "reserved"):
                    assert f"{name}: {value}" in shown
    for message in MESSAGES:
        assert message.name in shown
        for part in message.fields:
            assert any(line.startswith(f"{part.name}: ") for line in shown), part.name
    assert "phase: Continuous (17)" in shown
    assert ".... .1.. = Printable: True" in shown


def test_the_dissector_names_what_does_not_fit_and_goes_on(tmp_path):
    header = PACKET_HEADER_DTYPE.itemsize
    cuts = iter(range(0, 12_000, 53))

    def damage(packet: bytes) -> bytes:
        """Cut at another place each time, behind the header."""
        return packet[: header + next(cuts)]

    vectors_capture(tmp_path / "cut.pcap", damage)
    shown = tshark(tmp_path / "cut.pcap", "-d", "udp.port==31001,touchline", "-V")
    assert sum("does not fit: the packet has" in line for line in shown) >= 10


def test_a_packet_of_another_protocol_is_left_to_others(tmp_path):
    strange = [b"", b"\0" * 40, b"\xff" * 200, bytes(range(256)), b"GET / HTTP/1.1\r\n\r\n" * 5]
    rows = list(enumerate(strange))
    write_capture(tmp_path / "strange.pcap", ("239.255.1.1", 31001), rows)
    assert tshark(tmp_path / "strange.pcap", "-Y", "touchline") == []


def test_the_commands_of_the_document_read_a_capture(tmp_path):
    section = (ROOT / "docs/feed.md").read_text().split("## Readers in other languages")[1]
    commands = re.findall(r"^(?:tshark|java) .* feed\.pcap\b.*$", section, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["tshark", "tshark", "java"]
    capture = tmp_path / "feed.pcap"
    packets = [bytes.fromhex(lines[-1][2:]) for lines in split(VECTORS.read_text())]
    flags_at = PACKET_HEADER_DTYPE.fields["flags"][1]
    named = packets[0][:flags_at] + b"\1" + packets[0][flags_at + 1 :]
    printable = bytearray(named)
    execute = named.index(bytes([64, 0, 56, 0, 11, 0, 1, 0]))
    printable[execute + 10 + 50] = MatchEventIndicator.PRINTABLE
    write_capture(capture, ("239.255.77.1", 31001), [(1, bytes(printable))])
    run_java("trades", capture)  # builds it
    for command in commands:
        words = [str(capture) if word == "feed.pcap" else word for word in shlex.split(command)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1, done.stdout
