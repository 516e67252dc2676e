"""HL7 v2 messages over MLLP through a site, against bare framing that returns the same acknowledgement.

    python tests/benchmarks/mllp.py [rounds]

The message is a transfer of the same patient, applied and journaled every time; the floor parses nothing.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

from rounds import Side, compare, line, served

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
    with tempfile.TemporaryDirectory() as folder, served("mllp") as site:
        admit = MESSAGE.replace("A02^ADT_A02", "A01^ADT_A01").replace("EVN|A02", "EVN|A01").format(id="A1")
        assert b"MSA|AA|A1" in ask(site["port"], framed(admit))
        message = framed(MESSAGE.format(id="T1"))
        answer = ask(site["port"], message)
        assert b"MSA|AA|T1" in answer, answer
        kept = Path(folder) / "answer"
        kept.write_bytes(answer)
        with served("echo", str(kept)) as echo:
            ours, floor = (Side(one["pid"], one["port"], message, END) for one in (site, echo))
            print(f"message of {len(message)} octets, {rounds} rounds")
            for connections in (1, 16):
                result = compare(ours, floor, rounds=rounds, connections=connections)
                print(line(f"site against echo, {connections} connections", result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
