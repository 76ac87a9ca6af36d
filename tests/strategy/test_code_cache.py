"""The key of compiled code covers all that the code is made of, and nothing that it is not."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from strategy_venue import There

from touchline.strategy import CompileError, code_cache
from touchline.strategy.code_cache import CacheUnusableError, Key

STRATEGY = """
import numpy as np
from touchline.strategy.compiled import CompiledStrategy
from touchline.strategy.native import native
import constants

STEP = {step}

@native
def more(books):
    # {comment}
    return books + STEP + constants.OTHER

class Counter(CompiledStrategy):
    state = np.dtype([("books", np.int64)])

    @staticmethod
    def on_book(venue, state, event):
        state.books = more(state.books)
"""


class Colour(enum.IntEnum):
    RED = 1


def key(source: str, **names: object) -> str:
    """The key of a function `callback`, made from its source and the globals that it may read."""
    known: dict[str, object] = {"__name__": __name__, "np": np, **names}
    exec(source, known)
    made = Key()
    made.add_function("callback", known["callback"])
    return made.text


READS = "def callback(venue, state, event):\n    state.x = LIMIT + 1\n"


def test_the_same_code_has_the_same_key_whatever_its_comments_and_place() -> None:
    assert key(READS, LIMIT=1) == key("\n\n" + READS.replace("1\n", "1  # one\n"), LIMIT=1)


@pytest.mark.parametrize(
    "value", [2, 1.0, True, "1", (1, 2), np.arange(3), np.float32(1), Colour.RED, Colour, np.sqrt]
)
def test_another_value_of_a_global_is_another_key(value: object) -> None:
    assert key(READS, LIMIT=1) != key(READS, LIMIT=value)


def test_other_code_another_constant_and_another_default_are_other_keys() -> None:
    texts = [
        READS,
        READS.replace("+ 1", "+ 2"),
        READS.replace("+ 1", "- 1"),
        READS.replace("state.x", "state.y"),
        READS.replace("event)", "event, more=1)"),
        READS.replace("event)", "event, more=2)"),
    ]
    assert len({key(text, LIMIT=1) for text in texts}) == len(texts)


def test_what_a_function_calls_is_part_of_its_key_to_any_depth() -> None:
    def made(constant: int) -> str:
        inner: dict[str, object] = {"K": constant}
        exec("def deep():\n    return K\ndef middle():\n    return deep()\n", inner)
        return key(READS.replace("LIMIT", "middle()"), middle=inner["middle"])

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_functions_that_call_each_other_have_a_key() -> None:
    text = "def callback(a, b, c):\n    other()\ndef other():\n    callback(1, 2, 3)\n"
    assert key(text) == key(text)


def test_a_constant_that_is_read_through_a_module_is_part_of_the_key() -> None:
    def made(value: int) -> str:
        module = types.ModuleType("settings")
        module.LIMIT = value  # type: ignore[attr-defined]
        return key(READS.replace("LIMIT", "settings.LIMIT"), settings=module)

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_two_functions_may_read_two_names_of_one_module() -> None:
    def made(first: int, second: int) -> str:
        module = types.ModuleType("settings")
        module.FIRST, module.SECOND = first, second  # type: ignore[attr-defined]
        text = "def callback(a, b, c):\n    return settings.FIRST + other()\n"
        return key(text + "def other():\n    return settings.SECOND\n", settings=module)

    assert len({made(1, 1), made(2, 1), made(1, 2)}) == 3


def test_a_global_that_no_key_can_hold_is_refused_by_its_name() -> None:
    with pytest.raises(CompileError, match="callback: LIMIT reads a global that is a dict"):
        key(READS, LIMIT={})
    with pytest.raises(CompileError, match="reads LIMIT, which is nowhere"):
        key(READS)


def test_a_folder_that_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_CACHE_DIR", str(tmp_path))
    assert code_cache.place() == tmp_path / "strategies"
    (tmp_path / "strategies").chmod(0o777)
    with pytest.raises(CacheUnusableError, match="others may write"):
        code_cache.place()
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOUCHLINE_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(CacheUnusableError):
        code_cache.place()


def test_only_so_many_folders_are_kept_and_the_newest_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_cache, "FOLDERS_MAX", 3)
    for name in "abcde":
        code_cache.folder(tmp_path, name, "source")
    code_cache.folder(tmp_path, "c", "source")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "d", "e"]
    assert (tmp_path / "c" / "loop.py").read_text() == "source"


def test_a_second_start_is_served_from_the_cache_and_a_changed_callback_is_not(
    tmp_path: Path,
    make_config: Callable[[], Path],
    there: Callable[..., There],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    config = make_config()

    def compiled(step: int, comment: str, other: int) -> str:
        (tmp_path / "counter.py").write_text(STRATEGY.format(step=step, comment=comment))
        (tmp_path / "constants.py").write_text(f"OTHER = {other}\n")
        named = f"{tmp_path / 'counter.py'}:Counter"
        code, out, errors = there(config, "maker", named, "--limit", "0").ended()
        assert code == 0, errors
        (line,) = [line for line in out.splitlines() if "compiled in" in line]
        print(line)
        return line

    assert "cache MISS" in compiled(1, "a comment", 1)
    assert "cache HIT" in compiled(1, "another comment", 1)
    assert "cache MISS" in compiled(2, "another comment", 1)
    assert "cache MISS" in compiled(2, "another comment", 2)
    assert "cache HIT" in compiled(1, "a comment", 1)
