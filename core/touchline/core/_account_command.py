"""`touchline account`: what a member's account holds, its fees, deposits and withdrawals."""

from __future__ import annotations

import argparse
import json
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
        "every other and outlives a restart. A deposit that is given again adds again. "
        "`touchline status` shows who has an account, and the fees that all of them have paid.",
    )
    venue_argument(parser)
    parser.add_argument("member", metavar="MEMBER", help="name of the [[member]] there")
    fees = parser.add_argument_group(
        "fees", "Both together. They open the account where there is none, else take the place of "
        "its earlier ones."
    )
    fees.add_argument(
        "--maker-fee", type=int, metavar="N", help="of a resting order, cash units a lot"
    )
    fees.add_argument(
        "--taker-fee", type=int, metavar="N", help="of an aggressor, cash units a lot"
    )
    changes = parser.add_argument_group("other changes").add_mutually_exclusive_group()
    changes.add_argument("--close", action="store_true", help="close the account; must be empty")
    changes.add_argument(
        "--deposit-cash", type=_above_zero, metavar="N", help="add so much cash, cash units"
    )
    changes.add_argument(
        "--withdraw-cash", type=_above_zero, metavar="N", help="take so much of the free cash"
    )
    changes.add_argument(
        "--deposit", nargs=2, metavar=("SYMBOL", "LOTS"), help="add so many lots of an instrument"
    )
    changes.add_argument(
        "--withdraw", nargs=2, metavar=("SYMBOL", "LOTS"), help="take so many of the free lots"
    )
    parser.add_argument("--json", action="store_true", help="show it as one JSON object")
    parser.set_defaults(run=_account, usage_error=parser.error)


def _account(options: argparse.Namespace) -> int:
    has_fees = options.maker_fee is not None or options.taker_fee is not None
    moves = (options.deposit_cash, options.withdraw_cash, options.deposit, options.withdraw)
    has_change = options.close or any(move is not None for move in moves)
    if has_fees and (has_change or options.maker_fee is None or options.taker_fee is None):
        options.usage_error("--maker-fee and --taker-fee go together, and with no other change")
    if options.json and (has_fees or has_change):
        options.usage_error("--json goes with no change: it shows the account")
    if not has_fees and not has_change:
        return _show(options)
    says, answer = _change(options)
    print(f"{options.venue_name}: account of member {options.member}: {says}, seq {answer['seq']}")
    return 0
