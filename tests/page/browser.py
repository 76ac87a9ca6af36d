"""A headless Chromium, driven through chromedriver by the few WebDriver commands that tests need.

W3C WebDriver is JSON over HTTP: no client library is needed for it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

__all__ = ["Browser"]

_WAIT_S = 10.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """One window; ``close`` it.

    Parameters
    ----------
    folder
        Empty or not there: the browser's profile.
    width, height
        Of what is visible of a page, CSS pixels.
    """

    def __init__(self, folder: Path, width: int = 1440, height: int = 900) -> None:
        driver = shutil.which("chromedriver")
        assert driver is not None, "chromedriver is not there: run tests/install-packages.sh"
        self._driver = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._driver.stdout is not None
        started = ""
        while (found := re.search(r"successfully on port (\d+)", started)) is None:
            started = self._driver.stdout.readline()
            assert started, "chromedriver has ended"
        self._url = f"http://127.0.0.1:{found[1]}/session"
        try:
            session = self._ask("POST", "", _capabilities(folder, width, height))["sessionId"]
        except BaseException:
            self.close()
            raise
        self._url += f"/{session}"
        frame = self.run("return outerHeight - innerHeight")
        self._ask("POST", "/window/rect", {"width": width, "height": height + frame})

    def open(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str) -> Any:
        """Run the body of a JavaScript function in the page; return what it returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def run_async(self, script: str) -> Any:
        """Run a script that gives its result to ``done``, within 30 s."""
        script = f"const done = arguments[0]; {script}"
        return self._ask("POST", "/execute/async", {"script": script, "args": []})

    def text(self, selector: str) -> str:
        """Return what stands in the first element of a CSS selector."""
        told: str = self.run(f"return document.querySelector({selector!r}).textContent")
        return told

    def wait(self, condition: str, seconds: float = _WAIT_S) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            told = self.run("return document.body.innerText")
            assert time.monotonic() < deadline, f"not within {seconds} s: {condition}; {told}"
            time.sleep(0.05)

    def complaints(self) -> list[str]:
        """Return what the browser has said in its console since the last call."""
        return [one["message"] for one in self._ask("POST", "/se/log", {"type": "browser"})]

    def screenshot(self) -> bytes:
        """Return what is visible, as PNG."""
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def close(self) -> None:
        """End the browser and its driver."""
        with contextlib.suppress(OSError, AssertionError):
            self._ask("DELETE", "")
        self._driver.terminate()
        self._driver.communicate()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        try:
            with _DIRECT.open(request, timeout=40) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.read().decode()}") from error


def _capabilities(folder: Path, width: int, height: int) -> dict[str, Any]:
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--window-size={width},{height}",
        f"--user-data-dir={folder}",
    ]
    always = {
        "browserName": "chrome",
        "goog:chromeOptions": {"args": options},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    return {"capabilities": {"alwaysMatch": always}}
