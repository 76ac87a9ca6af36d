"""Prices are the user's as they stand in the file, or a reason with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from touchline.optimizer import PricesError, load_prices

DAYS = [f"2026-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(60)]


def table(rows: list[str]) -> str:
    return "\n".join(["date,A,B", *rows]) + "\n"


GOOD = [f"{day},{10 + at},{20 - at / 10}" for at, day in enumerate(DAYS)]


def test_the_packaged_sample_holds_the_twenty_stocks() -> None:
    prices = load_prices()
    assert prices.shape == (8313, 20)
    assert " ".join(prices.columns) == (
        "AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM"
    )
    two = load_prices(symbols=["XOM", "AAPL"], lookback=100)
    assert (list(two.columns), len(two)) == (["XOM", "AAPL"], 100)
    assert two.index[-1] == prices.index[-1]


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(table(GOOD))
    prices = load_prices(file)
    assert prices.shape == (60, 2)
    assert prices["A"].tolist() == [10.0 + at for at in range(60)]
    assert prices.dtypes.unique().tolist() == [np.dtype("float64")]


def test_every_fault_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    cases = {
        "59 rows; 60 are needed": GOOD[1:],
        "A at 2026-01-05.* is nan, no price": [*GOOD[:4], f"{DAYS[4]},,3", *GOOD[5:]],
        r"B at 2026-01-05.* is -3\.0, no price": [*GOOD[:4], f"{DAYS[4]},1,-3", *GOOD[5:]],
        r"B at 2026-01-05.* is 0\.0, no price": [*GOOD[:4], f"{DAYS[4]},1,0", *GOOD[5:]],
        "is inf, no price": [*GOOD[:4], f"{DAYS[4]},1,inf", *GOOD[5:]],
        "could not convert string": [*GOOD[:4], f"{DAYS[4]},1,x", *GOOD[5:]],
        "the times do not rise": [*GOOD[:-1], f"{DAYS[0]},1,2"],
        "Expected 3 fields": [*GOOD[:4], f"{DAYS[4]},1,2,3", *GOOD[5:]],
    }
    for part, rows in cases.items():
        file.write_text(table(rows))
        with pytest.raises(PricesError, match=part):
            load_prices(file)
    with pytest.raises(PricesError, match=r"has no C; it has A, B"):
        file.write_text(table(GOOD))
        load_prices(file, symbols=["C"])


def test_what_is_no_file_of_prices_is_refused_whatever_it_holds(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    good = table(GOOD).encode()
    for name in ("prices.csv", "prices.csv.gz", "prices.parquet", "prices.xls"):
        file = tmp_path / name
        with pytest.raises(PricesError, match=name):
            load_prices(file)
        for content in (b"", good[: len(good) // 3], rng.bytes(2_000), b"\xff" * 50):
            file.write_bytes(content)
            with pytest.raises(PricesError, match=name):
                load_prices(file)
