"""Puts targets as fast as it can, until it is killed: `puts.py VENUE NAME`."""

import itertools
import sys

from touchline.core.targets import Target, Targets, TargetsSetter
from touchline.core.venue import Venue


def main() -> None:
    """Both positions, the weight and the price follow from one number."""
    config, name = sys.argv[1:]
    setter = None
    while setter is None:
        try:
            setter = TargetsSetter(Venue.load(config), name)
        except Exception as error:
            # The engine notices a moment later that the one before was killed.
            if "another process" not in str(error):
                raise
    print("ready", flush=True)
    for lots in itertools.cycle(range(-200, 201)):
        one = Target(lots, lots / 256, lots)
        setter.put(Targets("puts", {"ESH4": one, "ACME": Target(-lots)}), valid_s=60)


main()
