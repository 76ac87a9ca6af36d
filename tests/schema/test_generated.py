"""One schema, three languages.

What is committed is what the generator writes, and C, Rust and Python agree on every byte.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from touchline.core import AbiError, _abi, _records
from touchline.marketdata import _messages

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "core/schema/generate.py"
HEADERS = ROOT / "core/ffi/include"

RECORDS = {name: value for name, value in vars(_records).items() if name.endswith("_DTYPE")}
MESSAGES = {name: value for name, value in vars(_messages).items() if name.endswith("_DTYPE")}


def generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, GENERATOR, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_committed_is_what_the_generator_writes():
    done = generate("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def copy_schemas(tmp_path: Path, old: str, new: str) -> Path:
    """A folder with both schemas, and one change in the engine's."""
    for name in ("core/schema/touchline-core.xml", "marketdata/schema/touchline-feed.xml"):
        target = tmp_path / name
        target.parent.mkdir(parents=True)
        source = (ROOT / name).read_text()
        if name.startswith("core"):
            assert old in source
            source = source.replace(old, new, 1)
        target.write_text(source)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('offset="8"', 'offset="9"', "the field before ends at 8"),
        ('blockLength="128"', 'blockLength="136"', "blockLength 136, fields end at 128"),
        ('byteOrder="littleEndian"', 'byteOrder="bigEndian"', "byteOrder must be littleEndian"),
    ],
)
def test_a_schema_that_contradicts_itself_is_refused_with_its_place(tmp_path, old, new, fault):
    done = generate("--check", "--root", copy_schemas(tmp_path, old, new))
    assert done.returncode != 0
    assert fault in done.stderr


def test_the_headers_compile_as_c_and_as_cplusplus_without_a_warning(tmp_path):
    for compiler, standard, suffix in (("gcc", "-std=c11", ".c"), ("g++", "-std=c++17", ".cpp")):
        source = tmp_path / f"includes{suffix}"
        source.write_text('#include "touchline.h"\nint main(void) { return TL_ABI_VERSION - 1; }\n')
        if suffix == ".cpp":  # C++ spells C's static assertion otherwise
            source.write_text("#define _Static_assert static_assert\n" + source.read_text())
        command = [compiler, standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
        done = subprocess.run(
            [*command, f"-I{HEADERS}", source], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def c_name(constant: str, prefix: str) -> str:
    return prefix + constant.removesuffix("_DTYPE").lower()


@pytest.mark.parametrize(
    ("prefix", "dtypes"), [("tl_", RECORDS), ("tl_feed_", MESSAGES)], ids=["records", "feed"]
)
def test_numpy_and_c_put_every_field_at_the_same_place(prefix, dtypes):
    assert dtypes
    for constant, dtype in dtypes.items():
        ctype = _abi.ffi.typeof(c_name(constant, prefix))
        assert _abi.ffi.sizeof(ctype) == dtype.itemsize, constant
        in_c = {name: (part.offset, _abi.ffi.sizeof(part.type)) for name, part in ctype.fields}
        in_numpy = {name: (part[1], part[0].itemsize) for name, part in dtype.fields.items()}
        assert in_c == in_numpy, constant


def test_the_library_has_the_sizes_and_the_layout_of_the_dtypes():
    for constant, dtype in RECORDS.items():
        template_id = getattr(_records, constant.replace("_DTYPE", "_TEMPLATE_ID"))
        assert _abi.lib.tl_record_bytes(template_id) == dtype.itemsize, constant
    assert _abi.lib.tl_record_bytes(99) == 0
    assert _abi.lib.tl_records_layout_hash() == _records.LAYOUT_HASH
    assert _abi.lib.tl_feed_layout_hash() == _messages.LAYOUT_HASH


def test_the_header_defines_the_layout_hashes_of_python():
    header = (HEADERS / "touchline_records.h").read_text()
    found = dict(re.findall(r"#define (\w+_LAYOUT_HASH) UINT64_C\((\w+)\)", header))
    assert int(found["TL_LAYOUT_HASH"], 16) == _records.LAYOUT_HASH
    assert int(found["TL_FEED_LAYOUT_HASH"], 16) == _messages.LAYOUT_HASH


def test_every_dtype_is_little_endian_and_has_no_gap():
    for constant, dtype in (RECORDS | MESSAGES).items():
        ends = 0
        for name in dtype.names:
            part, offset = dtype.fields[name][:2]
            assert offset == ends, f"{constant}.{name}"
            assert part.kind in "VS" or part.newbyteorder("<") == part, f"{constant}.{name}"
            ends += part.itemsize
        assert ends == dtype.itemsize, constant


def test_a_library_of_another_build_is_refused_with_both_sides_named(monkeypatch):
    with pytest.raises(AbiError, match=r"says 7, Python says 8; build it again"):
        _abi._require("layout hash", 7, 8)


def test_cffi_reads_a_header_without_what_is_for_compilers():
    header = (
        '#include <stdint.h>\n#ifdef __cplusplus\nextern "C" {\n#endif\n'
        "/* A point */\ntypedef struct point { int32_t x; } point;\n"
        '_Static_assert(sizeof(point) == 4, "point");\n'
    )
    assert (
        _abi.declarations(header) == "/* A point */\ntypedef struct point { int32_t x; } point;\n"
    )


def test_a_dtype_reads_what_c_wrote():
    command = _abi.ffi.new("tl_command *", {"seq": 7, "price": -3, "cl_ord_id": b"A1"})
    row = np.frombuffer(_abi.ffi.buffer(command), dtype=_records.COMMAND_DTYPE)[0]
    assert (row["seq"], row["price"], row["cl_ord_id"]) == (7, -3, b"A1")
