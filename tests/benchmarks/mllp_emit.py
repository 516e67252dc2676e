"""HL7 v2 messages going out: made, sent, acknowledged and matched, against a bare client that sends the same octets.

    python tests/benchmarks/mllp_emit.py [rounds]

Both sides are in this process and talk to an echo in another; CPU time is that of this process.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rounds import CLIENT_CORE, served

from mockehr.edge.mllp_sender import MllpSender
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.dialects import DIALECTS
from mockehr.hl7.emit import Event, emit
from mockehr.hl7.frame import frame

COUNT = 500
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "http://example.org/mrn", "value": "90001"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
    "gender": "female",
    "birthDate": "1980-03-04",
}


async def spent(work: Callable[[], Awaitable[None]]) -> float:
    """CPU microseconds of one of COUNT messages."""
    begin = time.process_time()
    for _ in range(COUNT):
        await work()
    return (time.process_time() - begin) / COUNT * 1e6


async def measure(port: int, rounds: int) -> None:
    """Alternate the three and print medians."""
    dialect = DIALECTS.get("generic")
    event = Event("ADT^A28", 1_767_614_400.0, 1, occurred=1_767_614_400.0)
    message = emit(event, [PATIENT], dialect)
    sender = MllpSender("127.0.0.1", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def make() -> None:
        emit(event, [PATIENT], dialect)

    async def send() -> None:
        assert (await sender.send(message)).matched

    async def floor() -> None:
        writer.write(frame(message))
        await reader.readuntil(b"\x1c\r")

    names = {"made": make, "sent and matched": send, "bare client": floor}
    rows = [{name: await spent(work) for name, work in names.items()} for _ in range(rounds)]
    for name in names:
        print(f"{name:18} cpu {statistics.median(row[name] for row in rows):6.1f} us")
    ratio = statistics.median(row["bare client"] / (row["made"] + row["sent and matched"]) for row in rows)
    print(f"made, sent and matched against the bare client: ratio {ratio:.3f}")
    await sender.close()
    writer.close()
    await writer.wait_closed()


def main(rounds: int) -> None:
    """Measure and print."""
    import os

    import uvloop

    event = Event("ADT^A28", 1_767_614_400.0, 1, occurred=1_767_614_400.0)
    message = emit(event, [PATIENT], DIALECTS.get("generic"))
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "answer"
        kept.write_bytes(frame(acknowledge(message, "AA", at=0, control_id="1")))
        with served("echo", str(kept)) as echo:
            os.sched_setaffinity(0, CLIENT_CORE)
            uvloop.run(measure(echo["port"], rounds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
