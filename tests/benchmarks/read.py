"""An authenticated Patient read through the whole pipeline, against the same bytes from a bare ASGI application.

    python tests/benchmarks/read.py [rounds]

Goal: a ratio of at least 0.60 without rules. 1 would mean that authentication, routing, journal and vendor cost
nothing.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

from rounds import Side, compare, http_get, line, served

PATIENTS = "1000"


def ask(port: int, request: bytes, wanted: bytes = b'"resourceType":"Patient"') -> bytes:
    """One reply, whole, as bytes; it has to hold what is `wanted`."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        got = connection.recv(65536)
        head, _, body = got.partition(b"\r\n\r\n")
        size = int(next(x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")).split(b":")[1])
        while len(body) < size:
            body += connection.recv(65536)
    assert head.startswith(b"HTTP/1.1 200"), head
    assert wanted in body
    return head + b"\r\n\r\n" + body


def main(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, served("site", "0", PATIENTS) as plain:
        request = http_get(plain["path"], plain["token"])
        kept = Path(folder) / "reply"
        kept.write_bytes(ask(plain["port"], request))
        with served("bare", str(kept)) as bare, served("site", "10", PATIENTS) as armed:

            def side(one: dict[str, object], token: object) -> Side:
                return Side(int(str(one["pid"])), int(str(one["port"])), http_get(plain["path"], str(token)))

            floor = side(bare, plain["token"])
            ask(armed["port"], http_get(plain["path"], armed["token"]))
            print(f"a reply of {kept.stat().st_size} octets, {rounds} rounds, 16 connections")
            print(line("no rules, against bare", compare(side(plain, plain["token"]), floor, rounds=rounds)))
            print(line("ten idle rules, against bare", compare(side(armed, armed["token"]), floor, rounds=rounds)))
            with served("bare", str(kept)) as again:
                print(
                    line("bare against bare (resolution)", compare(side(again, plain["token"]), floor, rounds=rounds))
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
