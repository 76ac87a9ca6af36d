"""Where compiled strategies are kept, and the key that tells two of them apart.

Numba's cache watches one source file, and so would serve old machine code after a change in a
callback's own functions or constants. Here the code of a strategy lies in a folder named by a hash
of everything that it is made of: the bytecode of each callback and of all that it calls, the
constants that they read, the state's layout, this package's sources, and the versions and the
processor that made it. Another hash is another folder; nothing in a folder ever changes.
"""

from __future__ import annotations

import builtins
import dis
import enum
import hashlib
import os
import platform
import shutil
import tempfile
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

from touchline.strategy.errors import CompileError

__all__ = ["CacheUnusableError", "Key", "folder", "place"]

FOLDERS_MAX = 64
"""Compiled strategies that are kept; beyond it those that were not used for longest go."""

# Named by their versions, which are part of every key.
_VERSIONED = ("builtins", "cmath", "llvmlite", "math", "numba", "numpy", "operator")
_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes, np.generic)


class CacheUnusableError(Exception):
    """The cache folder cannot be written, or is not ours alone."""


class Key:
    """Collects what a compiled strategy is made of."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._seen: set[int] = set()
        self._read: set[tuple[str, str]] = set()
        self.add_text("python", platform.python_version(), platform.python_implementation())
        self.add_text("numba", numba.__version__, llvmlite.__version__, np.__version__)
        host = llvmlite.binding.get_host_cpu_features().flatten()
        self.add_text("processor", llvmlite.binding.get_host_cpu_name(), host)
        settings = {k: v for k, v in os.environ.items() if k.startswith("NUMBA_")}
        settings.pop("NUMBA_CACHE_DIR", None)
        self.add_text("settings", repr(sorted(settings.items())))
        for source in sorted(Path(__file__).parent.glob("*.py")):
            self.add_text("runtime", source.name, source.read_text())

    def add_text(self, *words: str) -> None:
        """Add words, each with its length, so that no two lists of words are the same."""
        for word in words:
            encoded = word.encode(errors="surrogatepass")
            self._hash.update(b"%d:" % len(encoded) + encoded)

    def add_function(self, name: str, function: Any) -> None:
        """Add a function, all functions that it calls, and every constant that they read.

        Raises
        ------
        CompileError
            If one reads a global whose value cannot be part of a key.
        """
        self.add_text("function", name)
        self._add(function, name)

    @property
    def text(self) -> str:
        """The key, as the name of a folder."""
        return self._hash.hexdigest()[:40]

    def _add(self, value: Any, place: str) -> None:
        if isinstance(value, Dispatcher):
            self.add_text("compiled", repr(sorted(value.targetoptions.items())))
            self._add(value.py_func, place)
        elif isinstance(value, types.FunctionType):
            self._add_python(value, place)
        elif isinstance(value, (enum.Enum, *_PLAIN)):
            self.add_text("value", type(value).__qualname__, repr(value))
        elif isinstance(value, (tuple, list, frozenset)):
            items: Iterable[Any] = (
                sorted(value, key=repr) if isinstance(value, frozenset) else value
            )
            self.add_text("items", type(value).__qualname__, str(len(value)))
            for item in items:
                self._add(item, place)
        elif isinstance(value, np.ndarray):
            self.add_text("array", repr(value.dtype), repr(value.shape), value.tobytes().hex())
        elif isinstance(value, (np.dtype, numba.types.Type)):
            self.add_text("type", repr(value))
        elif isinstance(value, type):
            self._add_class(value)
        elif _is_versioned(value):
            self.add_text(
                "of a library", type(value).__name__, repr(getattr(value, "__name__", ""))
            )
        else:
            raise CompileError(
                f"{place} reads a global that is a {type(value).__name__}: constants are numbers, "
                "texts, tuples, arrays, enums and compiled functions; keep others in the state"
            )

    def _add_python(self, function: types.FunctionType, place: str) -> None:
        self.add_text("python", function.__qualname__)
        if id(function) in self._seen:
            return
        self._seen.add(id(function))
        self._add(function.__defaults__, place)
        for cell in function.__closure__ or ():
            self._add(cell.cell_contents, place)
        self._add_code(function.__code__, function.__globals__, place)

    def _add_code(self, code: types.CodeType, known: dict[str, Any], place: str) -> None:
        self.add_text("code", code.co_code.hex(), repr(code.co_varnames), repr(code.co_names))
        self.add_text(repr(code.co_freevars), repr(code.co_argcount), repr(code.co_flags))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._add_code(constant, known, place)
            else:
                self._add(constant, place)
        loads = (one.argval for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL")
        for name in sorted(set(loads)):
            self.add_text("global", name)
            if name in known:
                where = f"{place}: {name}"
                if isinstance(known[name], types.ModuleType):
                    self._add_module(known[name], code.co_names, where)
                else:
                    self._add(known[name], where)
            elif not hasattr(builtins, name):
                raise CompileError(f"{place} reads {name}, which is nowhere")

    def _add_module(self, module: types.ModuleType, names: tuple[str, ...], place: str) -> None:
        """Of a module count the attributes that may be read through it."""
        self.add_text("module", module.__name__)
        if module.__name__.partition(".")[0] in _VERSIONED:
            return
        for name in names:
            # Two functions may read two attributes of one module.
            if hasattr(module, name) and (module.__name__, name) not in self._read:
                self._read.add((module.__name__, name))
                self.add_text("attribute", name)
                value = getattr(module, name)
                if isinstance(value, types.ModuleType):
                    self._add_module(value, names, f"{place}.{name}")
                else:
                    self._add(value, f"{place}.{name}")

    def _add_class(self, value: type) -> None:
        """A class is its name, and with an enum its values, with a named tuple its fields."""
        self.add_text("class", value.__module__, value.__qualname__)
        if issubclass(value, enum.Enum):
            self.add_text(repr([(one.name, one.value) for one in value]))
        self.add_text(repr(getattr(value, "_fields", ())))


def _is_versioned(value: Any) -> bool:
    """True for a function that a library brings: its name and the library's version are enough."""
    module = getattr(value, "__module__", None) or type(value).__module__
    return hasattr(value, "__name__") and str(module).partition(".")[0] in _VERSIONED


def place() -> Path:
    """The folder of compiled strategies: TOUCHLINE_CACHE_DIR, else below XDG_CACHE_HOME.

    Raises
    ------
    CacheUnusableError
        If it cannot be made, or somebody else may write to it: what lies there is executed.
    """
    chosen = os.environ.get("TOUCHLINE_CACHE_DIR")
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        root = Path(chosen or caches).expanduser() / ("." if chosen else "touchline")
        root = root / "strategies"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
    except (OSError, RuntimeError) as error:
        raise CacheUnusableError(str(error)) from error
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise CacheUnusableError(f"others may write to {root}")
    if not os.access(root, os.W_OK):
        raise CacheUnusableError(f"{root} cannot be written")
    return root


def folder(root: Path, key: str, source: str) -> Path:
    """The file with the source of a compiled loop, in the folder of its key.

    Two processes may come here at once: the file is made whole, and never replaced, for numba
    takes another time of change for another source.
    """
    home = root / key
    path = home / "loop.py"
    if not path.exists():
        home.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=home, prefix="new-", delete=False) as new:
            new.write(source)
        try:
            os.link(new.name, path)
        except FileExistsError:
            pass
        finally:
            Path(new.name).unlink()
    os.utime(home)
    _forget_oldest(root)
    return path


def _forget_oldest(root: Path) -> None:
    homes = []
    for home in root.iterdir():
        try:
            homes.append((home.stat().st_mtime_ns, home))
        except FileNotFoundError:
            continue  # another process was quicker
    for _, home in sorted(homes, reverse=True)[FOLDERS_MAX:]:
        shutil.rmtree(home, ignore_errors=True)
