"""`touchline account`: an operator gives a member an account; it covers an order, or does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from running_venue import RunningVenue
from wire import Connect, Wire, new_order

from touchline.core import AdminError, ConfigError, Venue, admin, cli

# One lot at 4800.25 is 19,201 price units; the higher fee is held back with them.
COST = 19_201 + 3


Account = Callable[..., str]


@pytest.fixture
def account(venue: RunningVenue, capsys: pytest.CaptureFixture[str]) -> Account:
    """Run `touchline account` for ALPHA, which must succeed, and return what it prints."""

    def run(*options: str) -> str:
        assert cli.main(["account", str(venue.config), "ALPHA", *options]) == 0
        return capsys.readouterr().out

    return run


def logged_on(connect: Connect, comp_id: str) -> Wire:
    wire = connect(comp_id)
    wire.logon()
    wire.next({35: "A"})
    return wire


def test_an_order_that_the_account_does_not_cover_is_admitted_after_a_deposit(
    venue: RunningVenue, connect: Connect, account: Account
) -> None:
    assert "member ALPHA has no account" in account()
    opened = account("--maker-fee", "-1", "--taker-fee", "3")
    assert re.search(r"ALPHA: maker fee -1, taker fee 3 cash units a lot, seq \d+\n", opened)
    member = logged_on(connect, "ALPHA1")
    member.send("D", new_order("A1"))
    refused = member.next({35: "8", 150: "8", 103: "3"})
    assert refused[58] == "the account does not hold what the order could cost"
    paid = account("--deposit-cash", str(COST))
    assert re.search(r"ALPHA: cash units deposited: 19,204, seq \d+\n", paid)
    member.send("D", new_order("A2"))
    member.next({35: "8", 150: "0"})
    # The journal has all of it: a venue that was killed goes on with the same account.
    before = admin.account(Venue.load(venue.config), "ALPHA")
    assert before is not None and (before["cash"], before["reserved"]) == (COST, COST)
    venue.kill()
    venue.start()
    assert admin.account(Venue.load(venue.config), "ALPHA") == before
    member = logged_on(connect, "ALPHA2")
    member.send("D", new_order("A3"))
    member.next({35: "8", 150: "8", 103: "3"})
    shown = account()
    assert re.search(r"cash +│ +19,204", shown) and re.search(r"reserved +│ +19,204", shown)
    assert "a cash unit is 0.25 USD of ESH4; 1 USD of ACME; the account counts them alike" in shown


def test_lots_are_sold_from_the_account_and_what_is_left_can_be_withdrawn(
    venue: RunningVenue, connect: Connect, account: Account
) -> None:
    account("--maker-fee", "0", "--taker-fee", "3")
    account("--deposit-cash", "3")
    assert "lots of ESH4 deposited: 2," in account("--deposit", "ESH4", "2")
    seller, buyer = logged_on(connect, "ALPHA1"), logged_on(connect, "BETA1")
    buyer.send("D", new_order("B1"))
    buyer.next({35: "8", 150: "0"})
    seller.send("D", new_order("A1", _54="2"))
    seller.next({35: "8", 150: "0"})
    seller.next({35: "8", 150: "F"})
    assert "lots of ESH4 withdrawn: 1," in account("--withdraw", "ESH4", "1")
    there = Venue.load(venue.config)
    with pytest.raises(AdminError, match="the account has less free"):
        admin.deposit(there, "ALPHA", -1, "ESH4")
    with pytest.raises(AdminError, match="the account holds cash or lots"):
        admin.close_account(there, "ALPHA")
    assert admin.status(there)["accounts"] == {
        "members": ["ALPHA"],
        "fees": 3,
        "others_cash": -19_201,
    }
    assert "cash units withdrawn: 19,201," in account("--withdraw-cash", "19201")
    assert "closed" in account("--close")
    assert admin.account(there, "ALPHA") is None
    with pytest.raises(AdminError, match="no member"):
        admin.account(there, "NOBODY")
    with pytest.raises(ConfigError, match="no instrument 'NONE'"):
        admin.deposit(there, "ALPHA", 1, "NONE")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--maker-fee", "1"], "--maker-fee and --taker-fee go together"),
        (["--close", "--deposit-cash", "5"], "give one change, or none to show the account"),
        (["--close", "--json"], "give one change, or none to show the account"),
        (["--deposit-cash", "0"], "'0' is no whole number above 0"),
        (["--withdraw-cash", "-5"], "'-5' is no whole number above 0"),
        (["--deposit", "ESH4", "many"], "lots of ESH4: 'many' is no whole number above 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_change_that_makes_no_sense_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["account", "venue.toml", "ALPHA", *options])
    assert why in capsys.readouterr().err
