"""A Locust user that sends HL7 v2 messages over MLLP and waits for each acknowledgement. Importing this imports
locust, which patches sockets: do it in locust's own process only."""

from __future__ import annotations

import os
import socket
from itertools import count
from typing import ClassVar, Final
from urllib.parse import urlsplit

from locust import User, constant, task

from mockehr.core.clock import Clock, stopwatch
from mockehr.hl7.frame import Deframer, Frame, frame
from mockehr.load.payloads import Message, acknowledgement_fault, admission

TIMEOUT: Final = 30.0
"""Seconds to wait for a connection or an acknowledgement."""


class MllpUser(User):
    """One sending system with one connection, reopened when it breaks. `host` is `mllp://address:port`."""

    wait_time = constant(float(os.environ.get("MOCKEHR_LOAD_PAUSE", "0")))
    numbers: ClassVar[count[int]] = count()

    def on_start(self) -> None:
        """Take a name of its own, so that no two users share control ids or patients."""
        self.number = next(self.numbers)
        self.serial = count()
        self.clock = Clock()
        self.link: socket.socket | None = None
        self.deframer = Deframer()

    def on_stop(self) -> None:
        """Hang up."""
        self._hang_up()

    @task(3)
    def admit(self) -> None:
        """Admit a new patient."""
        self.send(self._message("A01"))

    @task(1)
    def update(self) -> None:
        """Update a patient."""
        self.send(self._message("A08"))

    def send(self, message: Message) -> None:
        """Send a message and wait for its acknowledgement; fires one request event, failed unless it is accepted."""
        started = stopwatch()
        fault: Exception | None = None
        length = 0
        try:
            answer = self._exchanged(message.payload)
            length = len(answer.payload)
            told = acknowledgement_fault(answer.payload, message.control_id)
            fault = ValueError(told) if told else None
        except OSError as error:
            fault = error
        if fault is not None:
            self._hang_up()
        self.environment.events.request.fire(
            request_type="MLLP",
            name=message.name,
            response_time=(stopwatch() - started) * 1000,
            response_length=length,
            exception=fault,
            context={},
        )

    def _message(self, trigger: str) -> Message:
        serial = next(self.serial)
        control_id = f"{os.getpid()}-{self.number}-{serial}"[-20:]
        return admission(control_id, self.number * 100_000 + serial % 100_000, self.clock.now(), trigger=trigger)

    def _exchanged(self, payload: bytes) -> Frame:
        link = self.link = self.link or self._connected()
        link.sendall(frame(payload))
        while True:
            data = link.recv(65536)
            if not data:
                raise ConnectionError("the link was closed before the acknowledgement")
            frames = self.deframer.feed(data)
            if frames:
                return frames[0]

    def _connected(self) -> socket.socket:
        address = urlsplit(self.host if "://" in str(self.host) else f"mllp://{self.host}")
        self.deframer = Deframer()
        return socket.create_connection((str(address.hostname), address.port or 2575), timeout=TIMEOUT)

    def _hang_up(self) -> None:
        if self.link is not None:
            self.link.close()
            self.link = None
