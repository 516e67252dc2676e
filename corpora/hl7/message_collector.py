"""Collects the messages of the corpus: numbers and times from counters, the rest as it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from message_parts import MARKS, Sender

from mockehr.hl7.structures import structure

START = datetime(2026, 3, 2, 6, 5)


@dataclass(frozen=True)
class Entry:
    """One file."""

    file: str
    kind: str
    version: str
    ids: tuple[str, ...]
    why: str
    """Why hl7apy's strict level does not take it; empty if it does."""
    shows: str
    raw: bytes


@dataclass
class Collector:
    """All files so far."""

    entries: list[Entry] = field(default_factory=list)

    def add(
        self,
        file: str,
        sender: Sender,
        kind: str,
        lines: Sequence[str],
        shows: str,
        *,
        ids: Sequence[str] = (),
        why: str = "",
        change: Callable[[bytes], bytes] | None = None,
        codec: str = "",
        **msh: str,
    ) -> None:
        """One message: MSH, then the lines, in which `@t` is its time, `@d` its day, `@n` its control id.

        The line `EVN` becomes one with trigger and time. `msh` overrides fields of MSH (`f10="0"`); `change` has the
        last word on the bytes; `why` says why hl7apy's strict level does not take it, if it does not.
        """
        header, replaced = self._header(sender, kind, msh)
        body = [header]
        for line in lines:
            if line == "EVN":
                trigger = "" if sender.version >= "2.7" else kind.split("^")[1]
                line = f"EVN|{trigger}|@t"
            for mark, value in replaced.items():
                line = line.replace(mark, value)
            body.append(line)
        raw = ("\r".join(body) + "\r").encode(codec or {"8859/1": "latin-1"}.get(sender.charset, "utf-8"))
        raw = change(raw) if change else raw
        self.entries.append(Entry(file + ".hl7", kind, sender.version, tuple(ids), why, shows, raw))

    def batch(self, file: str, raw: bytes, shows: str, ids: Sequence[str] = ()) -> None:
        """Several messages, or none, in the batch protocol."""
        self.entries.append(Entry(file + ".hl7", "batch", "2.5.1", tuple(ids), "a batch is no message", shows, raw))

    def bytes_of(self, *files: str) -> list[bytes]:
        """Messages collected before."""
        by_name = {entry.file: entry.raw for entry in self.entries}
        return [by_name[file + ".hl7"] for file in files]

    def _header(self, sender: Sender, kind: str, msh: dict[str, str]) -> tuple[str, dict[str, str]]:
        number = len(self.entries) + 1
        when = START + timedelta(minutes=37 * number, seconds=11 * number % 60)
        stamp = when.strftime("%Y%m%d%H%M%S" if sender.seconds else "%Y%m%d%H%M")
        name = structure(kind, sender.version)
        if sender.structure and sender.version >= "2.3.1" and name and kind != "ACK":
            kind = f"{kind}^{name}"
        control = sender.control.format(1000 + 7 * number, when.strftime("%y%j"))
        fields = ["MSH", MARKS, sender.application, sender.facility, sender.receiver, sender.receiving_facility]
        fields += [stamp + sender.zone, sender.security, kind, control, sender.processing, sender.version, "", ""]
        fields += [*sender.accept, "", sender.charset, "", "", sender.profile]
        for key, value in msh.items():
            fields[int(key[1:]) - 1] = value
        return "|".join(fields).rstrip("|"), {"@t": stamp, "@d": stamp[:8], "@n": control}
