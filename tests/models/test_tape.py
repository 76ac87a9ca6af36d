"""A tape holds what the public ring would have, makes the venue's books, and is refused if not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from running_venue import find_program

from touchline.core._records import PUBLIC_RECORD_DTYPE, PublicKind
from touchline.models.errors import TapeError
from touchline.models.tape import HEAD_DTYPE, Day, Tape

HEAD = HEAD_DTYPE.itemsize
RECORD = PUBLIC_RECORD_DTYPE.itemsize


def changed(tape: Path, into: Path, at: int, value: bytes) -> Path:
    """A copy of a tape with other bytes in one place."""
    content = bytearray(tape.read_bytes())
    content[at : at + len(value)] = value
    into.write_bytes(content)
    return into


def test_one_flow_makes_one_tape(tape: Path, venue_toml: Path, tmp_path: Path) -> None:
    flow = [find_program("touchline-members"), "simulate", "--config", venue_toml, "--seed", "3"]
    again = tmp_path / "again.tape"
    command = [*flow, "--commands", "30000", "--into", again]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert again.read_bytes() == tape.read_bytes()


def test_a_day_has_a_book_for_each_match_event_of_continuous_trading(day: Day) -> None:
    books = day.books
    assert len(day) > 10_000
    assert len(day.trades) > 500
    assert (np.diff(books["seq"]) > 0).all()
    assert (np.diff(books["time_ns"]) > 0).all()
    two_sided = (books["bid_qty"] > 0) & (books["offer_qty"] > 0)
    assert (books["bid_px"] < books["offer_px"])[two_sided].all()
    assert day.levels is not None
    assert (day.levels[:, 0, 0] == books["bid_px"]).all()
    assert (np.diff(day.levels[:, 0], axis=1) < 0)[day.levels[:, 1, 1:] > 0].all()


def test_trades_of_a_tape_are_told_once_and_by_their_aggressor(tape: Path, day: Day) -> None:
    records = Tape(tape).records
    executed = records[records["kind"] == PublicKind.EXECUTE]
    assert day.trades["qty"].sum() == executed["qty"].sum()
    assert set(np.unique(day.trades["side"])) == {1, 2}


def test_a_tape_can_be_read_while_its_last_event_is_missing(tape: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tape"
    cut.write_bytes(tape.read_bytes()[: HEAD + 20_000 * RECORD])
    assert 0 < len(Tape(cut).day()) < len(Tape(tape).day())


@pytest.mark.parametrize("length", [0, 7, 8, HEAD - 1, HEAD + 1, HEAD + RECORD - 1])
def test_a_tape_that_was_cut_off_is_refused(tape: Path, tmp_path: Path, length: int) -> None:
    cut = tmp_path / "cut.tape"
    cut.write_bytes(tape.read_bytes()[:length])
    with pytest.raises(TapeError, match="was cut off" if length >= 8 else "is no tape"):
        Tape(cut)


def test_a_tape_of_another_build_is_refused_with_both_sides_named(
    tape: Path, tmp_path: Path
) -> None:
    for at, what in ((8, "version"), (16, "layout hash"), (24, "bytes of a record")):
        other = changed(tape, tmp_path / "other.tape", at, (77).to_bytes(8, "little"))
        with pytest.raises(TapeError, match=f"{what} is 77, this build has"):
            Tape(other)
    with pytest.raises(TapeError, match="cannot be read"):
        Tape(tmp_path / "none.tape")


def test_noise_in_a_record_is_refused_with_its_place(tape: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for number in (100, 5_000):
        noise = random.bytes(RECORD - 48)
        bad = changed(tape, tmp_path / "bad.tape", HEAD + number * RECORD + 48, noise)
        with pytest.raises(TapeError, match=r"record \d+ of .* (no public record|does not fit)"):
            Tape(bad).day(1)


def test_a_tape_with_a_hole_does_not_fit_its_books(tape: Path, tmp_path: Path) -> None:
    content = tape.read_bytes()
    hole = tmp_path / "hole.tape"
    begin = HEAD + 100 * RECORD
    hole.write_bytes(content[:begin] + content[begin + 900 * RECORD :])
    with pytest.raises(TapeError, match="does not fit its book: records are missing"):
        Tape(hole).day(1)


def test_an_instrument_has_to_be_said_where_there_are_several(
    venue_toml: Path, tmp_path: Path, tape: Path
) -> None:
    both = tmp_path / "both.tape"
    flow = [find_program("touchline-members"), "simulate", "--config", venue_toml]
    command = [*flow, "--instruments", "2", "--commands", "500", "--into", both]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with pytest.raises(TapeError, match="has instruments 1, 2: say which one"):
        Tape(both).day()
    assert len(Tape(both).day(2)) > 0
    with pytest.raises(TapeError, match="not 99"):
        Tape(tape).day(99)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs --commands"),
        (["--commands", "9", "--instruments", "99"], "the venue has 21"),
        (["--commands", "9", "--speed", "1"], "cannot be used with"),
    ],
)
def test_what_makes_no_tape_is_refused(
    venue_toml: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    command = [find_program("touchline-members"), "simulate", "--config", venue_toml, *words]
    done = subprocess.run(
        [*command, "--into", tmp_path / "none"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert said in done.stderr


def test_a_recorded_day_makes_the_books_of_the_recording(venue_toml: Path, tmp_path: Path) -> None:
    data = os.environ.get("TOUCHLINE_DATA")
    if data is None:
        return  # the header of the run says so
    recording = Path(data) / "l3" / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
    into = tmp_path / "es.tape"
    flow = [find_program("touchline-members"), "replay", recording, "--as", "market"]
    done = subprocess.run(
        [*flow, "--config", venue_toml, "--into", into], check=True, capture_output=True, timeout=60
    )
    assert b'"compared":47023' in done.stdout
    assert b'"equal":47023' in done.stdout
    day = Tape(into).day()
    assert len(day.trades) > 5_000
