"""The frame of `touchline top`: a :class:`View` as lines of text, for a terminal of any size.

Where there are fewer than 100 columns the ladder has no bars, trades no word for their aggressor,
and the blocks stand below each other. What does not fit is cut off at the bottom: book and trades
come first.

Lines are laid out here and not by rich's tables, which measure every cell several times: at four
frames a second they took a third of a processor from the venue that they showed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.text import Text

from touchline.marketdata.view import (
    BookView,
    FillView,
    HopView,
    LevelView,
    RingView,
    SessionView,
    StrategyView,
    View,
    gauge_text,
)

__all__ = ["screen"]

_WIDE_COLUMNS = 100
_DEPTH_MAX = 10
_BAR_CELLS = 10
_SPARKS = "▁▂▃▄▅▆▇█"
_SPARKS_S = 24
_GAP = "    "
_BID_BAR, _OFFER_BAR = "color(23)", "color(95)"  # quieter than the prices beside them
_BID, _OFFER, _GOOD, _QUIET, _FAULT = "dark_cyan", "indian_red", "green", "grey50", "yellow"
# Lines of a frame beside the levels of its book: head, titles, and the blocks below.
_OTHER_LINES = 23

Cell = str | tuple[str, str]
"""A text, or a text and its style."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its name, its least width, and whether it is text (numbers stand to the right)."""

    name: str
    width: int = 0
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of equal width, to stand beside others."""

    width: int
    lines: list[Text]


def screen(view: View, columns: int, lines: int, *, with_keys: bool = True) -> Text:
    """One frame.

    Parameters
    ----------
    view : View
        What is shown.
    columns, lines : int
        Room that there is.
    with_keys : bool, default True
        Whether a line says which keys there are.
    """
    is_wide = columns >= _WIDE_COLUMNS
    depth = min(max((lines - _OTHER_LINES) // 2, 3), _DEPTH_MAX)
    shown = [_headline(view)]
    if with_keys:
        shown.append(_keys(view))
    if not view.is_running:
        shown += [Text(f" {line}", style=_FAULT) for line in wrap(view.why, columns - 2)]
    ladder = _ladder(view.book, depth, _BAR_CELLS if is_wide else 0)
    groups = [[ladder, _trades(view.trades, 2 * depth + 1, is_wide)]]
    flow = [_rates(view), _rings(view.rings)]
    below = [_hops(view.hops), _sessions(view.sessions)]
    groups += [flow, below] if is_wide else [[one] for one in [*flow, *below]]
    if view.strategies:
        groups.append([_strategies(view.strategies, columns)])
    for group in groups:
        shown += [Text(), *_beside(group)]
    return Text("\n", no_wrap=True, overflow="crop").join(shown)


def _beside(blocks: Sequence[_Block]) -> list[Text]:
    """The lines of blocks that stand side by side."""
    lines = []
    for at in range(max(len(block.lines) for block in blocks)):
        line = Text(" ")
        for block in blocks:
            text = block.lines[at] if at < len(block.lines) else Text()
            line.append_text(text)
            line.append(" " * (block.width - len(text)) + _GAP)
        line.rstrip()
        lines.append(line)
    return lines


def _block(title: Text | str, columns: Sequence[_Column], rows: Sequence[Sequence[Cell]]) -> _Block:
    """A title, the names of the columns, and rows; of a row as many cells as it has columns."""
    texts = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows]
    widths = [
        max(column.width, len(column.name), *(len(row[at]) for row in texts if at < len(row)), 0)
        for at, column in enumerate(columns)
    ]
    lines = [title if isinstance(title, Text) else Text(title, style="bold")]
    head = [(column.name, _QUIET) for column in columns]
    for row in [head, *rows]:
        line = Text()
        for cell, column, width in zip(row, columns, widths, strict=False):
            text, style = (cell, "") if isinstance(cell, str) else cell
            line.append(f"{text:<{width}}" if column.is_text else f"{text:>{width}}", style=style)
            line.append("  ")
        line.rstrip()
        lines.append(line)
    return _Block(max(sum(widths) + 2 * len(widths) - 2, len(lines[0])), lines)


def _headline(view: View) -> Text:
    line = Text()
    line.append(f" {view.venue} ", style="bold reverse")
    if view.is_running:
        line.append("  running", style=_GOOD)
    else:
        line.append("  not running", style=f"bold {_FAULT}")
        if view.heard_at_s is not None:
            line.append(f", last heard {_clock(view.heard_at_s)}", style=_FAULT)
    line.append(f"  durability {view.durability}  seq {view.seq:,}  ")
    if view.feed["is_silent"]:
        line.append("feed silent", style=_FAULT)
    elif view.feed["is_live"]:
        line.append("feed live", style=_QUIET)
    else:
        line.append(f"feed recovering, {view.feed['unrecovered']:,} gaps open", style=_FAULT)
    if view.silent_agents:
        line.append(f"  silent: {', '.join(view.silent_agents)}", style=_FAULT)
    line.append(f"  {_clock(view.at_s)} UTC", style=_QUIET)
    return line


def _keys(view: View) -> Text:
    line = Text(" ")
    for number, (symbol, _) in enumerate(view.symbols[:9], 1):
        style = "bold reverse" if symbol == view.book.symbol else _QUIET
        line.append(f" {number} {symbol} ", style=style)
    line.append("   left/right: instrument   q: quit", style=_QUIET)
    return line


def _ladder(book: BookView, depth: int, bar_cells: int) -> _Block:
    """Offers above, bids below, each with a bar of its share of the largest quantity shown."""
    bids, offers = book.bids[:depth], book.offers[:depth]
    largest = max((level.qty for level in [*bids, *offers]), default=1)
    columns = [
        _Column("orders", 6),
        _Column("", bar_cells),
        _Column("bid", 7),
        _Column("price", 9),
        _Column("offer", 7),
        _Column("", bar_cells, is_text=True),
        _Column("orders", 6),
    ]
    rows: list[list[Cell]] = [[] for _ in range(depth - len(offers))]
    for level in reversed(offers):
        price, bar = (level.price, f"bold {_OFFER}"), (_bar(level, largest, bar_cells), _OFFER_BAR)
        rows.append(["", "", "", price, f"{level.qty:,}", bar, f"{level.order_count:,}"])
    rows.append(["", "", "", ("" if book.spread is None else f"- {book.spread} -", _QUIET)])
    for level in bids:
        price, bar = (level.price, f"bold {_BID}"), (_bar(level, largest, bar_cells), _BID_BAR)
        rows.append([f"{level.order_count:,}", bar, f"{level.qty:,}", price])
    rows += [[] for _ in range(depth - len(bids))]
    title = Text(f"{book.symbol}  {book.phase or 'not heard yet'}", style="bold")
    if book.phase and book.state != "live":
        title.append(f"  {book.state}", style=_FAULT)
    if book.last_px is not None:
        title.append(f"  last {book.last_px}")
    return _block(title, columns, rows)


def _bar(level: LevelView, largest: int, cells: int) -> str:
    return "█" * min(max(round(level.qty / largest * cells), 1), cells)


def _trades(trades: list[FillView], rows_max: int, with_aggressor: bool) -> _Block:
    """Newest first; the colour of a price says who was the aggressor, where a word does not."""
    styles = {"buy": _BID, "sell": _OFFER}
    columns = [_Column("heard", 8), _Column("price", 9), _Column("qty", 6)]
    if with_aggressor:
        columns.append(_Column("aggressor"))
    rows: list[list[Cell]] = []
    for fill in trades[:rows_max]:
        price = (fill.price, styles.get(fill.aggressor, ""))
        rows.append([_clock(fill.heard_at_s), price, f"{fill.qty:,}", fill.aggressor])
    return _block("trades", columns, rows)


def _rates(view: View) -> _Block:
    columns = [
        _Column("rates", 7, is_text=True),
        _Column("a second", 8),
        _Column("in all", 10),
        _Column(f"last {_SPARKS_S} s", _SPARKS_S, is_text=True),
    ]
    rows: list[list[Cell]] = []
    for name, rate in view.rates.items():
        now = "-" if rate is None else f"{rate:,.0f}"
        sparks = (_sparkline(view.history[name][-_SPARKS_S:]), _BID)
        rows.append([name, now, f"{view.totals[name]:,}", sparks])
    return _headless(columns, rows)


def _headless(columns: Sequence[_Column], rows: Sequence[Sequence[Cell]]) -> _Block:
    """A block whose title is the name of its first column."""
    block = _block("", columns, rows)
    block.lines[1].stylize("bold default", 0, len(columns[0].name))
    return _Block(block.width, block.lines[1:])


def _sparkline(rates: list[float]) -> str:
    top = max(rates, default=0.0)
    if top <= 0:
        return _SPARKS[0] * len(rates)
    return "".join(_SPARKS[round(rate / top * (len(_SPARKS) - 1))] for rate in rates)


def _rings(rings: list[RingView]) -> _Block:
    columns = [
        _Column("queues", 19, is_text=True),
        _Column("waiting"),
        _Column("of", 6),
        _Column("published", 11),
        _Column("refused"),
    ]
    rows: list[list[Cell]] = []
    for ring in rings:
        if ring.fault:
            rows.append([ring.name, ("not there", _QUIET)])
            continue
        refused = "-" if ring.refused is None else f"{ring.refused:,}"
        depth = "-" if ring.depth is None else f"{ring.depth:,}"
        rows.append([ring.name, depth, f"{ring.capacity:,}", f"{ring.published:,}", refused])
    return _headless(columns, rows)


def _hops(hops: list[HopView]) -> _Block:
    percentiles = [_Column(name, 8) for name in ("p50", "p99", "p99.9", "max")]
    rows: list[list[Cell]] = [[hop.name, *_percentiles(hop)] for hop in hops]
    if not hops:
        rows.append([("no order was answered yet", _QUIET)])
    return _headless([_Column("latency, us", 25, is_text=True), *percentiles], rows)


def _percentiles(hop: HopView) -> list[str]:
    if hop.count == 0:
        return ["-"] * 4
    return [f"{ns / 1_000:,.1f}" for ns in (hop.p50, hop.p99, hop.p99_9, hop.max)]


def _sessions(sessions: list[SessionView]) -> _Block:
    columns = [
        _Column("sessions", is_text=True),
        _Column("member", is_text=True),
        _Column("", 9, is_text=True),
        _Column("next in"),
        _Column("next out"),
    ]
    rows: list[list[Cell]] = []
    for one in sessions:
        state = ("logged on", _GOOD) if one.is_connected else ("-", _QUIET)
        if one.is_blocked:
            state = (f"{state[0]} blocked", _FAULT)
        rows.append([one.name, one.member, state, f"{one.next_in:,}", f"{one.next_out:,}"])
    return _headless(columns, rows)


def _strategies(strategies: list[StrategyView], width: int) -> _Block:
    """A line of figures for each, and below it what it shows and holds."""
    columns = [_Column(name, is_text=True) for name in ("strategies", "member", "")]
    counts = ("commands", "fills", "rejected", "throttled", "bad records")
    latency = ("tick to trade p50", "p99", "p99.9", "max")
    columns += [_Column(name) for name in (*counts, *latency)]
    rows: list[list[Cell]] = []
    for one in strategies:
        state = ("connected", _GOOD) if one.is_connected else ("-", _QUIET)
        numbers = (one.commands, one.fills, one.rejected, one.throttled, one.bad_records)
        cells = (*(f"{count:,}" for count in numbers), *_percentiles(one.tick_to_trade))
        rows.append([one.name, one.member, state, *cells])
    table = _headless(columns, rows)
    lines = table.lines[: -len(rows)]
    for one, line in zip(strategies, table.lines[-len(rows) :], strict=True):
        lines += [line, *_shown_and_held(one, max(width - 4, 20))]
    return _Block(max(table.width, *(len(line) for line in lines)), lines)


def _shown_and_held(one: StrategyView, width: int) -> list[Text]:
    """Gauges, targets and positions, indented; nothing where there are none."""
    gauges = [f"{name} {gauge_text(value)}" for name, value in one.gauges.items()]
    held = [
        f"{symbol} {lots:+,}" if wanted is None else f"{symbol} {lots:+,} of {wanted:+,}"
        for symbol, (lots, wanted) in one.lots.items()
    ]
    # A name and its number stay on one line.
    texts = [text.replace(" ", "\u00a0") for text in (*gauges, *_targets(one), *held)]
    lines = wrap("  ".join(texts), width, break_long_words=False)
    return [Text(f"  {line}".replace("\u00a0", " ")) for line in lines]


def _targets(one: StrategyView) -> list[str]:
    """Whose targets it has, how old they are and how long they hold; nothing without any."""
    told = one.targets
    if told is None:
        return []
    left = "expired" if told.is_expired else f"{told.left_s:,.0f} s left"
    return [f"targets {told.version} of {told.source}, {told.age_s:,.0f} s old, {left}"]


def _clock(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at_s))
