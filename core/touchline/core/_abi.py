"""The C ABI of Touchline, through cffi's ABI mode: no compiler, any CPython.

At import the library's version, layout hashes and record sizes are compared with what this Python
was generated from; another build is refused, with both sides named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cffi
import numpy as np

from touchline.core import _records
from touchline.core.errors import AbiError

__all__ = [
    "COUNTERS_LAYOUT_HASH",
    "LIBRARY_PATH",
    "PORT_LAYOUT_HASH",
    "RING_LAYOUT_HASH",
    "declarations",
    "ffi",
    "lib",
]

_HERE = Path(__file__).parent
LIBRARY_PATH = _HERE / "libtouchline.so"
_ABI_VERSION = 4
_REBUILD = "build it again: `make setup` in a clone, or `pip install --force-reinstall touchline`"

_RECORDS: dict[int, np.dtype[np.void]] = {
    _records.COMMAND_TEMPLATE_ID: _records.COMMAND_DTYPE,
    _records.EVENT_TEMPLATE_ID: _records.EVENT_DTYPE,
    _records.PRIVATE_RECORD_TEMPLATE_ID: _records.PRIVATE_RECORD_DTYPE,
    _records.PUBLIC_RECORD_TEMPLATE_ID: _records.PUBLIC_RECORD_DTYPE,
}


def declarations(header: str) -> str:
    """The part of a C header that cffi can read: types, enums and functions.

    Taken out are what is for C++ alone, every line of the preprocessor (our headers define only
    constants, and include only each other and the standard integers), and static assertions, which
    have done their work when the library was compiled.
    """
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", header, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^_Static_assert\(.*\);\n", "", text, flags=re.MULTILINE)


def _load() -> tuple[cffi.FFI, Any]:
    ffi = cffi.FFI()
    try:
        for name in ("touchline_records.h", "touchline.h"):
            ffi.cdef(declarations((_HERE / "include" / name).read_text()))
        lib: Any = ffi.dlopen(str(LIBRARY_PATH))
    except OSError as error:
        raise AbiError(f"touchline's native library is not there: {error}; {_REBUILD}") from error
    return ffi, lib


def _require(what: str, library: int, python: int) -> None:
    if library != python:
        raise AbiError(f"{what}: {LIBRARY_PATH} says {library}, Python says {python}; {_REBUILD}")


ffi, lib = _load()
_require("ABI version", lib.tl_abi_version(), _ABI_VERSION)
_require("layout hash of the records", lib.tl_records_layout_hash(), _records.LAYOUT_HASH)
for _template_id, _dtype in _RECORDS.items():
    _require(f"bytes of record {_template_id}", lib.tl_record_bytes(_template_id), _dtype.itemsize)

COUNTERS_LAYOUT_HASH: int = lib.tl_counters_layout_hash()
"""Hash of the layout of a counters file, and word 2 of every one of this build."""

RING_LAYOUT_HASH: int = lib.tl_ring_layout_hash()
"""Hash of the layout of a ring: what stands in word 2 of every ring of this build."""
PORT_LAYOUT_HASH: int = lib.tl_port_layout_hash()
"""Hash of the layout of the memory between engine and strategy: what a strategy says first."""
