"""HL7 v2 messages over MLLP through a site, against bare framing that returns the same acknowledgement.

    python tests/benchmarks/mllp.py [rounds]

The message is a transfer of the same patient. `bare` is our server without a site, `static` a site that does all but
to apply the message (journal, acknowledgement), `ruled` the same with ten rules that never fire, `apply` all of it
without rules; the floor, an echo, parses nothing. What goes out is measured by `mllp_emit.py`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rounds import HERE, SERVER_CORE, Side, compare, end, line, served

MESSAGE = (
    "MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A02^ADT_A02|{id}|P|2.5.1\r"
    "EVN|A02|20260105120000\r"
    "PID|1||90001^^^WARD^MR||Muster^Erika||19800304|F\r"
    "PV1|1|I|3W^301^1||||||||||||||||V90001\r"
)
END = b"\x1c\r"


def framed(text: str) -> bytes:
    """One block."""
    return b"\x0b" + text.encode() + END


def ask(port: int, message: bytes) -> bytes:
    """One message, one acknowledgement."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(message)
        got = b""
        while not got.endswith(END):
            got += connection.recv(65536)
    return got


def main(rounds: int) -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        listener("apply", "0") as site,
        listener("static", "0") as static,
        listener("static", "10") as ruled,
    ):
        admit = MESSAGE.replace("A02^ADT_A02", "A01^ADT_A01").replace("EVN|A02", "EVN|A01").format(id="A1")
        assert b"MSA|AA|A1" in ask(site["port"], framed(admit))
        message = framed(MESSAGE.format(id="T1"))
        answer = ask(site["port"], message)
        assert b"MSA|AA|T1" in answer, answer
        kept = Path(folder) / "answer"
        kept.write_bytes(answer)
        with served("echo", str(kept)) as echo, listener("bare", str(kept)) as bare:
            ours = {"bare": bare, "static": static, "ruled": ruled, "apply": site}
            floor = Side(echo["pid"], echo["port"], message, END)
            print(f"message of {len(message)} octets, {rounds} rounds")
            for connections in (1, 16):
                for name, one in ours.items():
                    side = Side(one["pid"], one["port"], message, END)
                    result = compare(side, floor, rounds=rounds, connections=connections)
                    print(line(f"{name} against echo, {connections} connections", result))


@contextmanager
def listener(*arguments: str) -> Iterator[dict[str, Any]]:
    """`mllp_served.py` in a process of its own; gives what it prints once it listens."""
    command = [sys.executable, str(HERE / "mllp_served.py"), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        os.sched_setaffinity(process.pid, SERVER_CORE)
        yield {"pid": process.pid, **json.loads(process.stdout.readline())}
    finally:
        end(process)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
