"""A strategy process that means harm, as a program: `intruder.py SOCKET HELLO MODE SECONDS`.

It gets the memory of a strategy as every strategy does and then abuses it at full speed. Prints one
JSON object. Nothing here goes through our library: a hostile process would not use it either.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

PAGE = 4096
COMMAND_BYTES = 192
COMMANDS = 1024
_ONE = (1).to_bytes(8, sys.byteorder)
_PUNCH = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_F_SEAL_FUTURE_WRITE = 0x10
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class Intruder:
    """The descriptors of one connection, and the piece that it may write."""

    def __init__(self, path: str, hello: str) -> None:
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(10.0)
        self.link.connect(path)
        self.link.send(hello.encode())
        answer, fds, _, _ = socket.recv_fds(self.link, 4096, 8)
        told = json.loads(answer)
        assert told["ok"], told
        self.session_id = told["session_id"]
        self.engine, self.mine, self.public, self.bell, self.engine_bell, *_ = fds
        size = os.fstat(self.mine).st_size
        self.map = mmap.mmap(self.mine, size)
        self.link.send(b"mapped")
        self.words = np.frombuffer(self.map, dtype=np.uint64)
        # Page 0 is the producer's of the command ring, page 1 the reader's of the executions.
        self.published = self.words[:1]
        self.sleeping = self.words[PAGE // 8 + 8 : PAGE // 8 + 9]
        first = 2 * PAGE // 8
        self.records = self.words[first : first + COMMANDS * COMMAND_BYTES // 8]

    def orders(self) -> None:
        """Fill the ring with orders that are well-formed."""
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
        number = self.session_id
        prefix = "S" + "".join(digits[number >> shift & 31] for shift in (10, 5, 0))
        block = np.zeros((COMMANDS, COMMAND_BYTES), dtype=np.uint8)
        for at in range(COMMANDS):
            name = f"{prefix}{at:016}".encode()
            block[at, 24:32] = np.frombuffer(np.int64(19_200).tobytes(), np.uint8)  # price
            block[at, 32] = 1  # order_qty
            block[at, 40:60] = np.frombuffer(name, np.uint8)
            block[at, 80] = 1  # instrument_id
            block[at, 96:100] = (1, 1, 2, 0)  # NewOrder, Buy, Limit, Day
        self.records[:] = block.reshape(-1).view(np.uint64)

    def push(self) -> None:
        """Say that the ring is full of commands, whatever the engine has taken."""
        # The engine's cursor could be read; a lie that is never more than a lap ahead is worse.
        self.published[0] = self.taken() + np.uint64(COMMANDS)

    def taken(self) -> np.uint64:
        """How far the engine is."""
        return np.frombuffer(os.pread(self.engine, 8, PAGE), np.uint64)[0]

    def ring(self) -> None:
        """Wake the engine."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.engine_bell, _ONE)


def flood(intruder: Intruder) -> Callable[[], None]:
    """Orders at full speed."""
    intruder.orders()

    def act() -> None:
        intruder.push()
        intruder.ring()

    return act


def garbage(intruder: Intruder) -> Callable[[], None]:
    """Records of noise at full speed."""
    chance = np.random.default_rng(7)

    def act() -> None:
        # Records, and the gauges behind them.
        behind = intruder.words[2 * PAGE // 8 :]
        behind[:] = chance.integers(0, 1 << 63, len(behind), dtype=np.uint64)
        intruder.push()
        intruder.ring()

    return act


def punch(intruder: Intruder) -> Callable[[], None]:
    """Tries to take the pages of its own piece away, again and again, under full rings."""
    size = os.fstat(intruder.mine).st_size

    def act() -> None:
        _LIBC.fallocate(intruder.mine, _PUNCH, 2 * PAGE, size - 2 * PAGE)
        intruder.push()
        intruder.ring()

    return act


def bells(intruder: Intruder) -> Callable[[], None]:
    """Rings the engine without end, and always says that it sleeps itself."""
    os.set_blocking(intruder.engine_bell, False)

    def act() -> None:
        intruder.sleeping[0] = 1
        with contextlib.suppress(BlockingIOError):
            os.write(intruder.engine_bell, _ONE)

    return act


def idle(_: Intruder) -> Callable[[], None]:
    """Keeps a processor busy and does nothing: what any process of the host may do."""
    return lambda: None


def own(_: Intruder) -> Callable[[], None]:
    """Does to memory and a bell of its own what `punch` does to the engine's: asks the kernel."""
    memory = os.memfd_create("own", os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, 64 * PAGE)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _F_SEAL_FUTURE_WRITE)
    bell = os.eventfd(0, os.EFD_NONBLOCK)

    def act() -> None:
        _LIBC.fallocate(memory, _PUNCH, 2 * PAGE, 62 * PAGE)
        with contextlib.suppress(BlockingIOError):
            os.write(bell, _ONE)

    return act


MODES = {
    "idle": idle,
    "own": own,
    "flood": flood,
    "garbage": garbage,
    "punch": punch,
    "bells": bells,
}


def main() -> None:
    """Do it for as long as was asked."""
    path, hello, mode, seconds = sys.argv[1:]
    intruder = Intruder(path, Path(hello).read_text())
    act = MODES[mode](intruder)
    end = time.monotonic() + float(seconds)
    turns = 0
    while time.monotonic() < end:
        for _ in range(64):
            act()
        turns += 64
    print(json.dumps({"mode": mode, "turns": turns}))


if __name__ == "__main__":
    main()
