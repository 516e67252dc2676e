"""Where a customer's web server has Epic: the instance's name in all paths. Sources: notes.md, Where things are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.personalities.dresser import SiteFacts

_SECTIONS: Final = ("paths", "withdrawn", "token", "smart_configuration", "bulk")
_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVW"


def placed(settings: Mapping[str, Any], facts: SiteFacts | None) -> dict[str, Any]:
    """The settings with `{interconnect}` and `{number}` filled in wherever addresses are told.

    `{number}` is the site's own, of six digits: of its key set and its style.
    """
    identity = settings["identity"]
    org = str(identity["org"]) or _org(facts)
    names = {
        "{interconnect}": str(identity["interconnect"]).replace("{org}", org),
        "{number}": str(100_000 + _drawn(facts, "number") % 900_000),
    }
    return {**settings, **{name: _filled(settings[name], names) for name in _SECTIONS}}


def _filled(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {_filled(key, names): _filled(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(one, names) for one in node]
    if isinstance(node, str) and "{" in node:
        for hole, text in names.items():
            node = node.replace(hole, text)
    return node


def _org(facts: SiteFacts | None) -> str:
    """Three letters for a customer that shares a host with others."""
    number = _drawn(facts, "org")
    return "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(3))


def _drawn(facts: SiteFacts | None, what: str) -> int:
    return 0 if facts is None else int.from_bytes(facts.key("epic", what)[:6], "big")
