"""Another user's process: `knock.py SOCKET HELLO [FILE ...]`, with Python's own library alone.

Says hello at the strategies' socket, tries to open files for reading, and prints what came of it as
one JSON object: the answer, or the name of the error that kept it away.
"""

import contextlib
import errno
import json
import socket
import sys


def main() -> None:
    """Knock, look, tell."""
    path, hello, *files = sys.argv[1:]
    told = {"uid_knows": [], "socket": None}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(10.0)
            link.connect(path)
            link.send(hello.encode())
            told["socket"] = json.loads(link.recv(4096))
    except OSError as error:
        told["socket"] = errno.errorcode.get(error.errno, str(error))
    for name in files:
        with contextlib.suppress(OSError), open(name, "rb"):  # noqa: PTH123
            told["uid_knows"].append(name)
    print(json.dumps(told))


main()
