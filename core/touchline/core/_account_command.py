"""`touchline account`: what a member's account holds, its fees, deposits and withdrawals."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console

from touchline.core import admin
from touchline.core._commands import tables, venue_argument
from touchline.core.venue import Venue

if TYPE_CHECKING:
    from touchline.core.cli import Subparsers

__all__ = ["add_account"]


def add_account(commands: Subparsers) -> None:
    """Add `touchline account`."""
    parser = commands.add_parser(
        "account",
        help="show or change a member's cash, lots and fees",
        description="Shows the account of a member, or changes one thing of it. A member with an "
        "account enters only orders that its free cash and lots cover; what an open order could "
        "come to cost is held back (reserved). A member without one is not looked at. Cash is in "
        "cash units: a price unit (price_increment) times a lot (round_lot). A fee is cash units "
        "for each lot that executes; below 0 it is a rebate. A change is a sequenced command like "
        "every other and outlives a restart; a deposit that is given again adds again. "
        "`touchline status` shows who has an account, and the fees that all of them have paid.",
    )
    venue_argument(parser)
    parser.add_argument("member", metavar="MEMBER", help="name of the [[member]] there")
    parser.add_argument(
        "--maker-fee",
        type=int,
        metavar="N",
        help="of a resting order, cash units a lot; with --taker-fee. Opens the account where "
        "there is none",
    )
    parser.add_argument(
        "--taker-fee", type=int, metavar="N", help="of an aggressor, cash units a lot"
    )
    parser.add_argument(
        "--deposit-cash", type=_above_zero, metavar="N", help="add so many cash units"
    )
    parser.add_argument(
        "--withdraw-cash",
        type=_above_zero,
        metavar="N",
        help="take so many cash units of the free ones",
    )
    lots = ("SYMBOL", "LOTS")
    parser.add_argument("--deposit", nargs=2, metavar=lots, help="add lots of an instrument")
    parser.add_argument("--withdraw", nargs=2, metavar=lots, help="take lots of the free ones")
    parser.add_argument("--close", action="store_true", help="close the account; it must be empty")
    parser.add_argument("--json", action="store_true", help="show it as one JSON object")
    parser.set_defaults(run=_account, usage_error=parser.error)


def _account(options: argparse.Namespace) -> int:
    """Carry out the one change that the options name, or show the account where they name none."""
    fees = [fee for fee in (options.maker_fee, options.taker_fee) if fee is not None]
    moves = _moves(options)
    changes = len(moves) + bool(fees) + options.close
    if changes > 1 or (changes == 1 and options.json):
        options.usage_error("give one change, or none to show the account")
    if len(fees) == 1:
        options.usage_error("--maker-fee and --taker-fee go together")
    venue, member = Venue.load(options.venue), options.member
    if changes == 0:
        return _show(venue, member, as_json=options.json)
    if fees:
        maker_fee, taker_fee = fees
        answer = admin.set_account(venue, member, maker_fee=maker_fee, taker_fee=taker_fee)
        says = f"maker fee {maker_fee:,}, taker fee {taker_fee:,} cash units a lot"
    elif options.close:
        answer, says = admin.close_account(venue, member), "closed"
    else:
        [(amount, symbol)] = moves
        answer = admin.deposit(venue, member, amount, symbol)
        what = "cash units" if symbol is None else f"lots of {symbol}"
        says = f"{what} {'deposited' if amount > 0 else 'withdrawn'}: {abs(amount):,}"
    print(f"{venue.name}: account of member {member}: {says}, seq {answer['seq']}")
    return 0


def _moves(options: argparse.Namespace) -> list[tuple[int, str | None]]:
    """Deposits, and withdrawals below 0: how much, and of which instrument (None: cash)."""
    moves: list[tuple[int, str | None]] = []
    for cash, sign in ((options.deposit_cash, 1), (options.withdraw_cash, -1)):
        if cash is not None:
            moves.append((sign * cash, None))
    for named, sign in ((options.deposit, 1), (options.withdraw, -1)):
        if named is not None:
            symbol, lots = named
            try:
                moves.append((sign * _above_zero(lots), symbol))
            except argparse.ArgumentTypeError as error:
                options.usage_error(f"lots of {symbol}: {error}")
    return moves


def _show(venue: Venue, member: str, *, as_json: bool) -> int:
    account = admin.account(venue, member)
    if as_json:
        print(json.dumps(account))
    elif account is None:
        print(f"{venue.name}: member {member} has no account; its orders need no cover")
    else:
        for table in tables(f"{venue.name}: account of {member}", account):
            Console().print(table)
        print(_worth(venue))
    return 0


def _worth(venue: Venue) -> str:
    """Say what a cash unit is in the currency of each instrument."""
    symbols = defaultdict(list)
    for one in venue.instruments:
        unit = Decimal(one.price_increment) * one.round_lot
        symbols[f"{unit.normalize():f} {one.currency}"].append(one.symbol)
    each = [f"{worth} of {', '.join(those)}" for worth, those in symbols.items()]
    mixed = "; the account counts them alike" if len(each) > 1 else ""
    return f"a cash unit is {'; '.join(each)}{mixed}"


def _above_zero(text: str) -> int:
    """A whole number above 0, as the type of an argument."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)
