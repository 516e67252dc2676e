"""The one pipeline. Nine named stages, in this order, for every channel; nothing else may insert itself.

A stage takes the exchange and adds to it. A stage before `perform` refuses by setting `exchange.result` to a Problem;
the stages up to `perform` are then skipped and the refusal is shaped, disturbed, rendered and journaled like any
other answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockehr.core.exchange import Exchange

STAGES: Final = (
    "open_entry",
    "disturb_arrival",
    "authorise",
    "name_interaction",
    "perform",
    "shape",
    "disturb_reply",
    "render",
    "close_entry",
)

Stage = Callable[[Exchange], None]


class Pipeline:
    """The nine stages of one channel, folded once.

    The edge calls `arrive`, waits `effects.arrival_delay` if there is any, then calls `answer`. Stages never wait and
    never touch a socket, so a whole exchange can also be run in memory with `run`.
    """

    __slots__ = ("_arrival", "_asking", "_closing")

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        missing = [name for name in STAGES if name not in stages]
        foreign = [name for name in stages if name not in STAGES]
        if missing or foreign:
            raise ValueError(f"a pipeline has exactly the stages {STAGES}; missing {missing}, foreign {foreign}")
        self._arrival = tuple(stages[name] for name in STAGES[:2])
        self._asking = tuple(stages[name] for name in STAGES[2:5])
        self._closing = tuple(stages[name] for name in STAGES[5:])

    def arrive(self, exchange: Exchange) -> None:
        """`open_entry` and `disturb_arrival`."""
        for stage in self._arrival:
            stage(exchange)

    def answer(self, exchange: Exchange) -> None:
        """The other seven; on return `exchange.reply` is ready to be written."""
        for stage in self._asking:
            if exchange.result is not None:
                break
            stage(exchange)
        for stage in self._closing:
            stage(exchange)

    def run(self, exchange: Exchange) -> Exchange:
        """The whole of it in memory, without any waiting."""
        self.arrive(exchange)
        self.answer(exchange)
        return exchange
