"""Rendered files on the disk: ours are replaced, everybody else's are left alone.

A file of ours begins with a line that holds a hash of the rest. So a file that somebody has edited
is theirs from then on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from touchline.systemd.errors import UnitsError
from touchline.systemd.render import STRATEGY_DROP_IN, UNIT_FOLDER

__all__ = ["install"]

_MARK = "# Written by `touchline units`, which replaces it; changes belong in drop-ins. sha256:"


def install(files: dict[Path, str], into: Path, *, force: bool = False) -> list[str]:
    """Write files below a folder, and remove users of strategies that are no longer.

    Parameters
    ----------
    files : dict of Path to str
        What :func:`touchline.systemd.render` made.
    into : Path
        ``/``, or a folder that stands for it.
    force : bool
        Replace files of others, too.

    Returns
    -------
    list of str
        What was done, one line for each file: ``written``, ``unchanged`` or ``removed``.

    Raises
    ------
    UnitsError
        If a file of somebody else stands in the way, and then nothing has been written; or if the
        system refuses to read or write one.
    """
    try:
        foreign = [path for name in files if _is_foreign(path := into / name)]
        if foreign and not force:
            raise UnitsError(
                "not written by `touchline units`, or changed since: "
                f"{', '.join(str(path) for path in foreign)}; put your changes into drop-ins and "
                "remove them, or overwrite them with --force"
            )
        told = [_write(into / name, _marked(text)) for name, text in files.items()]
        return told + [_remove(path) for path in _left(files, into)]
    except OSError as error:
        raise UnitsError(f"cannot write units: {error}") from error


def _marked(text: str) -> str:
    return f"{_MARK}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _is_foreign(path: Path) -> bool:
    """Whether something stands there that we have not written just so."""
    if not path.is_symlink() and not path.exists():
        return False
    if path.is_symlink() or not path.is_file():
        return True
    held = path.read_bytes().decode(errors="replace")
    return held != _marked(held.partition("\n")[2])


def _write(path: Path, text: str) -> str:
    if not path.is_symlink() and path.is_file() and path.read_bytes() == text.encode():
        return f"unchanged {path}"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(path)
    return f"written   {path}"


def _left(files: dict[Path, str], into: Path) -> list[Path]:
    """Drop-ins of ours for strategies that the venue no longer has."""
    found = (into / UNIT_FOLDER).glob(f"touchline-strategy@*.service.d/{STRATEGY_DROP_IN}")
    return [
        path
        for path in sorted(found)
        if path.relative_to(into) not in files and not _is_foreign(path)
    ]


def _remove(path: Path) -> str:
    path.unlink()
    if not any(path.parent.iterdir()):
        path.parent.rmdir()
    return f"removed   {path}"
