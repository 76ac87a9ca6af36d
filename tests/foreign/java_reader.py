"""The Java reader of tests/java: built by Maven when it is older than its sources, then run."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["java_command", "run_java"]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "tests/java"
JAR = PROJECT / "target/foreign.jar"
SCHEMA = ROOT / "marketdata/schema/touchline-feed.xml"


@cache
def _build() -> None:
    sources = [SCHEMA, PROJECT / "pom.xml", *(PROJECT / "src").rglob("*.java")]
    newest = max(source.stat().st_mtime for source in sources)
    if JAR.exists() and JAR.stat().st_mtime > newest:
        return
    maven = shutil.which("mvn")
    assert maven, "Maven is not installed: tests/packages.txt lists what the tests need"
    command = [maven, "--quiet", "--batch-mode", "clean", "package"]
    # What was downloaded once is enough; the first build has to download it.
    for attempt in ([*command, "--offline"], command):
        done = subprocess.run(attempt, cwd=PROJECT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    raise AssertionError(f"Maven cannot build the Java reader:\n{done.stdout}{done.stderr}")


def java_command(*arguments: str | Path) -> list[str | Path]:
    """The command that runs the reader."""
    _build()
    java = shutil.which("java")
    assert java, "Java is not installed: tests/packages.txt lists what the tests need"
    return [java, "-jar", JAR, *arguments]


def run_java(*arguments: str | Path) -> list[str]:
    """Run the reader; return the lines that it prints."""
    done = subprocess.run(java_command(*arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
