"""Touchline as services of systemd: units, users and folders, rendered for one installation."""

from touchline.systemd.errors import UnitsError
from touchline.systemd.install import install
from touchline.systemd.render import Installation, remarks, render

__all__ = ["Installation", "UnitsError", "install", "remarks", "render"]
