"""Quirks as Markdown, to be read: one page of each, and the book of all."""

from __future__ import annotations

from collections.abc import Iterator

from mockehr.scenarios.handbook.article import Article, article, names

HEAD = """\
# Quirks and corruptions

What a site can do to a client, one section each: what the client sees, where it was seen, how to arm it, how to
cope. Written by `mockehr quirk page all`; do not edit. `mockehr quirk try NAME` shows one in action, `mockehr quirk
coverage` which row of the ledger each serves.
"""


def page(name: str) -> str:
    """The section of one quirk or corruption, with its heading; raises UnknownName."""
    return "\n".join(_section(article(name))) + "\n"


def book() -> str:
    """All sections by family, behind a list of them."""
    articles = [article(name) for name in names()]
    families = sorted({one.family for one in articles})
    lines = [HEAD]
    for family in families:
        listed = ", ".join(f"[{one.name}](#{one.name})" for one in articles if one.family == family)
        lines.append(f"- **{family}**: {listed}")
    for family in families:
        lines += ["", f"## Family {family}"]
        for one in articles:
            if one.family == family:
                lines += ["", *_section(one)]
    return "\n".join(lines) + "\n"


def _section(one: Article) -> Iterator[str]:
    yield f"### {one.name}"
    yield ""
    yield f"Ledger {', '.join(one.ledger)}" + (f" · channels {', '.join(one.channels)}" if one.channels else "")
    yield ""
    for paragraph in one.shows:
        yield paragraph
        yield ""
    yield f"**Seen.** {one.seen}"
    yield ""
    yield f"**Coping.** {one.coping}"
    yield ""
    if one.settings:
        yield "| setting | written as | default |"
        yield "|---|---|---|"
        yield from (f"| `{each.name}` | {each.unit} | {_cell(each.default)} |" for each in one.settings)
        yield ""
    yield "```text"
    yield from (f"{way + ':':14}{written}" for way, written in one.arming().items())
    yield "```"
    yield ""
    yield f"**Probes.** {', '.join(f'`{probe}`' for probe in one.probes) or 'none yet'}"


def _cell(text: str) -> str:
    """A table's cell; a bar would end it."""
    return f"`{text}`".replace("|", "\\|") if text else ""
