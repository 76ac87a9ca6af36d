"""Our codecs and those of sbe-tool, the reference tool of SBE, agree on every byte of the feed.

``marketdata/codec/tests/sbe_tool.txt`` holds drawn values and the bytes that sbe-tool's encoders
make of them. Here sbe-tool and numpy are compared with it, in ``cargo test`` Rust is.
``UPDATE=1`` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from java_reader import ROOT, run_java
from vectors import MESSAGES, numpy_bytes, packets, split

VECTORS = ROOT / "marketdata/codec/tests/sbe_tool.txt"
SEED = 44
DRAWN = 10


def drawn() -> str:
    """The packets as values, with a line for the bytes of each."""
    return "".join("\n".join([*lines, "= "]) + "\n" for lines in packets(SEED, DRAWN))


def test_the_encoders_of_sbe_tool_make_the_bytes_of_the_vectors(tmp_path: Path):
    values = tmp_path / "values.txt"
    values.write_text(drawn())
    encoded = "\n".join(run_java("encode", values)) + "\n"
    if os.environ.get("UPDATE"):
        VECTORS.write_text(encoded)
    assert encoded == VECTORS.read_text()


def test_the_decoders_of_sbe_tool_read_the_values_of_the_vectors():
    assert run_java("decode", VECTORS) == VECTORS.read_text().splitlines()


def test_numpy_makes_the_bytes_of_the_vectors():
    found = split(VECTORS.read_text())
    assert len(found) == 2 + DRAWN
    for *lines, last in found:
        assert [line.split()[0] for line in lines[1:]] == [block.name for block in MESSAGES]
        assert f"= {numpy_bytes(lines).hex()}" == last
