"""The live page in a real browser, of a real venue that trades, stops and comes back."""

from __future__ import annotations

from browser import Browser
from exporter import Exporter
from log_on import logged_on
from running_venue import RunningVenue
from strategies import leave_strategies
from wire import new_order

UPDATES_A_SECOND_MAX = 5
COUNTED_MS = 1_500
COUNT_FRAMES = f"""
const frames = [];
const source = new EventSource("/live");
source.onmessage = (event) => {{
  frames.push(performance.now());
  if (frames[frames.length - 1] - frames[0] > {COUNTED_MS}) {{
    source.close();
    done(frames);
  }}
}};
"""


def level(side: str, depth: int = 1) -> str:
    """The elements of a level, as JavaScript."""
    order = f"nth-child({depth})" if side == "bids" else f"nth-last-child({depth})"
    return f"document.querySelector('#{side} .level:{order}')"


def is_level(side: str, price: str, qty: str) -> str:
    row = level(side)
    return (
        f"{row}.querySelector('.price').textContent === '{price}' && "
        f"{row}.querySelector('.qty').textContent === '{qty}'"
    )


def state_is(text: str) -> str:
    return f"document.querySelector('#state').textContent === '{text}'"


def test_the_page_shows_orders_trades_and_counters_and_that_the_venue_stops_and_returns(
    floor: RunningVenue, exporter: Exporter, browser: Browser
) -> None:
    browser.complaints()  # those of other tests
    browser.open(exporter.url)
    browser.wait(state_is("running"))
    assert browser.run("return document.querySelector('#banner').hidden")

    buyer, seller = logged_on(floor, "ALPHA1"), logged_on(floor, "BETA1")
    buyer.send("D", new_order("rests", _38="7"))
    buyer.next({35: "8", 150: "0"})
    browser.wait(is_level("bids", "4800.25", "7"))
    before = int(browser.text("#seq").replace(",", ""))

    seller.send("D", new_order("takes", _54="2", _38="3"))
    browser.wait("document.querySelector('#trade-rows .price')?.textContent === '4800.25'")
    assert browser.text("#trade-rows .qty") == "3"
    assert browser.text("#trade-rows .aggressor") == "sell"
    browser.wait(is_level("bids", "4800.25", "4"))
    assert browser.text("#last-px") == "4800.25"

    browser.wait(f"Number(document.querySelector('#seq').textContent.replace(',', '')) > {before}")
    browser.wait("document.querySelector('#rate-trades .total').textContent === '1 in all'")
    browser.wait("document.querySelector('#session-count').textContent === '2 of 3 logged on'")
    browser.wait("document.querySelectorAll('#hop-rows tr').length === 6")
    assert browser.run("return document.querySelector('#strategies').hidden")
    clock = browser.text("#clock")
    browser.wait(f"document.querySelector('#clock').textContent !== '{clock}'")

    for wire in (buyer, seller):
        wire.close()
    assert floor.stop() == 0
    browser.wait(state_is("not running"))
    assert browser.text("#banner").startswith("The venue does not answer. What is below was last")
    assert (
        browser.run("return getComputedStyle(document.querySelector('#banner')).display") != "none"
    )
    leave_strategies(floor)
    browser.wait("document.querySelector('#strategy-rows td')?.textContent === 'quoter'")
    assert browser.run("return document.querySelector('#strategies').innerText").endswith(
        "quoter\tBETA\tconnected\t12,345\t21\t6\t78\t0\t0.3\t0.9\t1.5\t88.0\n"
        "score -0.25 fair 19,201.5 spread \u2013 ESH4 -5 ACME +2"
    )
    floor.start()
    browser.wait(f"{state_is('running')} && document.querySelector('#banner').hidden", 20)
    browser.wait(is_level("bids", "4800.25", "4"))
    assert browser.complaints() == []


def test_another_instrument_is_a_click_away(
    floor: RunningVenue, exporter: Exporter, browser: Browser
) -> None:
    member = logged_on(floor, "ALPHA2")
    member.send("D", new_order("acme", _55="ACME", _38="200", _44="12.34", _54="2"))
    member.next({35: "8", 150: "0"})
    member.close()
    browser.open(exporter.url)
    browser.wait("document.querySelectorAll('#symbols a').length === 2")
    browser.run("document.querySelectorAll('#symbols a')[1].click()")
    browser.wait(is_level("offers", "12.34", "2"))
    assert browser.text("#symbol") == "ACME"
    browser.run("location.hash = 'NONE'")
    browser.wait("location.hash === '' && document.querySelector('#symbol').textContent === 'ESH4'")


def test_there_are_at_most_five_updates_a_second(exporter: Exporter, browser: Browser) -> None:
    browser.open(exporter.url)
    at_ms = browser.run_async(COUNT_FRAMES)
    seconds = (at_ms[-1] - at_ms[0]) / 1_000
    rate = (len(at_ms) - 1) / seconds
    assert 2 < rate <= UPDATES_A_SECOND_MAX, f"{len(at_ms)} frames in {seconds:.2f} s"


def test_a_page_whose_exporter_ends_says_so(floor: RunningVenue, browser: Browser) -> None:
    exporter = Exporter(floor.config)
    try:
        browser.open(exporter.url)
        browser.wait(state_is("running"))
    finally:
        exporter.close()
    browser.wait(state_is("page is cut off"))
