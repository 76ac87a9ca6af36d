"""Records the datagrams of a multicast group, and writes them as a capture file (pcap)."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import threading
import time
from pathlib import Path

__all__ = ["Recorder", "write_capture"]

# Classic pcap with nanoseconds, little endian; link type 101: packets begin with the IP header.
_MAGIC_NANOSECONDS = 0xA1B23C4D
_RAW_IP = 101
_UDP = 17
_SO_RCVBUFFORCE = 33
_RECEIVE_BYTES = 64 << 20
_FROM = ("127.0.0.1", 14000)


class Recorder:
    """Keeps every datagram of a group, with the time at which it was read.

    Parameters
    ----------
    group
        Address and port.
    interface
        Address of the interface to join on.
    """

    def __init__(self, group: tuple[str, int], interface: str = "127.0.0.1") -> None:
        self.group = group
        self.datagrams: list[tuple[int, bytes]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Beyond the limit of the host only with its administrator's rights.
        option = _SO_RCVBUFFORCE if os.geteuid() == 0 else socket.SO_RCVBUF
        self._socket.setsockopt(socket.SOL_SOCKET, option, _RECEIVE_BYTES)
        self._socket.bind(group)
        membership = socket.inet_aton(group[0]) + socket.inet_aton(interface)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(65_535)
            except TimeoutError:
                if self._stop.is_set():
                    return
            else:
                self.datagrams.append((time.time_ns(), datagram))

    def close(self) -> None:
        """Take what still waits, then leave the group."""
        self._stop.set()
        self._thread.join()
        self._socket.close()


def write_capture(path: Path, group: tuple[str, int], datagrams: list[tuple[int, bytes]]) -> None:
    """Write datagrams that were sent to a group, each with its time in ns, as a capture file."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", _MAGIC_NANOSECONDS, 2, 4, 0, 0, 65_535, _RAW_IP))
        for at_ns, datagram in datagrams:
            packet = _ip_packet(group, datagram)
            seconds, nanoseconds = divmod(at_ns, 1_000_000_000)
            out.write(struct.pack("<IIII", seconds, nanoseconds, len(packet), len(packet)))
            out.write(packet)


def _ip_packet(group: tuple[str, int], datagram: bytes) -> bytes:
    """IPv4 and UDP headers (RFC 791, RFC 768; without UDP's optional checksum) and the datagram."""
    udp = struct.pack(">HHHH", _FROM[1], group[1], 8 + len(datagram), 0) + datagram
    source, target = (int(ipaddress.ip_address(host)) for host in (_FROM[0], group[0]))
    header = bytearray(
        struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 1, _UDP, 0, source, target)
    )
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into(">H", header, 10, ~total & 0xFFFF)
    return bytes(header) + udp
