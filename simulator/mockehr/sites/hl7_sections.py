"""The HL7 sections of a site's file: dialect, links, listeners, folders.

Every function refuses with ConfigError what the file may say but a site cannot do; `problems` then has all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, get_type_hints

from pydantic import ConfigDict, create_model

from mockehr.config.document import Document
from mockehr.config.explain import validate
from mockehr.config.settings import FoldersConfig, LinkConfig, ListenerConfig, TlsConfig
from mockehr.core.errors import ConfigError
from mockehr.hl7.charset import codec_of
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.dialects import DIALECTS
from mockehr.hl7.emit import EMITTERS
from mockehr.hl7.engines import ENGINES
from mockehr.sites.feeds import MISHAPS, Connection, Gathering, Link, Policy, Tls
from mockehr.sites.listeners import Folders, Listener
from mockehr.sites.sections import ANY, no_such, unless


def link_from(
    config: LinkConfig,
    present: Dialect,
    *,
    oid_root: str = "",
    base: Path | None = None,
    folders: Folders | None = None,
) -> Link:
    """The outbound HL7 feed that a file describes.

    `present` is the site's dialect, `base` the folder that relative paths count from, `folders` those of the site.
    Raises ConfigError for messages that no site sends, and for what a dialect cannot be.
    """
    problems = [
        no_such("message that a site sends", pattern, EMITTERS)
        for pattern in config.messages
        if not any(fnmatchcase(kind, pattern) for kind in EMITTERS)
    ]
    batch = config.batch
    problems += _gathering_problems(config, folders)
    link = Link(
        config.name,
        config.host,
        config.port,
        tuple(config.messages) or (ANY,),
        dialect_from(present, config.settings, oid_root=oid_root) if config.settings else None,
        config.relay,
        policy=_policy(config),
        connection=Connection(
            role=config.role,
            timeout=config.timeout,
            window=config.window,
            persistent=config.keep_open,
            keep_alive=config.keep_alive,
            release=config.release,
            await_application=config.await_application,
            ack_port=config.ack_port,
            tls=tls_from(config.tls, base),
        ),
        batch=Gathering(**batch.model_dump()) if batch is not None else None,
        sequence=config.sequence,
    )
    return unless(problems, f"The link {config.name} cannot be opened.", link)


def _gathering_problems(config: LinkConfig, folders: Folders | None) -> Iterator[str]:
    folder = config.batch.folder if config.batch is not None else ""
    if not config.port and config.role == "dial" and not folder:
        yield "port: name the port that the peer listens on"
    if folder and not (folders and folders.out):
        yield "batch.folder: say where files go: hl7.folders.out"
    if Path(folder).is_absolute() or ".." in Path(folder).parts:
        yield f"batch.folder: {folder!r} does not lie below hl7.folders.out"


def _policy(config: LinkConfig) -> Policy:
    told = config.on.model_dump(exclude_none=True)
    return Policy(
        deeds={name: told[name] for name in MISHAPS if name in told},
        retry_waits=None if config.retry_waits is None else tuple(config.retry_waits),
        attempts=config.attempts,
        exhausted=told.get("exhausted"),
        queue=config.queue,
        full=config.full,
    )


def listener_from(
    config: ListenerConfig, present: Dialect, *, oid_root: str = "", base: Path | None = None
) -> Listener:
    """The listener that a file describes; `present` is the site's dialect. Raises ConfigError."""
    settings = dict(config.settings) | ({"ack": config.ack} if config.ack else {})
    host, _, port = config.dial.rpartition(":")
    if config.dial and not 0 < int(port) <= 65535:
        raise ConfigError("", [f"dial: {port} is no port"])
    return Listener(
        name=config.name,
        port=config.port,
        dial=(host.strip("[]"), int(port)) if config.dial else None,
        messages=tuple(config.messages) or (ANY,),
        versions=frozenset(config.versions),
        processing_ids=frozenset(config.processing_ids),
        duplicates=config.duplicates,
        park=config.park,
        strict=config.strict,
        sequence=config.sequence,
        dialect=dialect_from(present, settings, oid_root=oid_root) if settings else None,
        release=config.release,
        tls=tls_from(config.tls, base),
        max_connections=config.max_connections,
        messages_per_connection=config.messages_per_connection,
        idle=config.idle,
        keep_alive=config.keep_alive,
    )


def folders_from(config: FoldersConfig, base: Path) -> Folders:
    """The folders for HL7 files that a file describes, counted from `base`."""
    return Folders(
        base / config.into if config.into else None, base / config.out if config.out else None, config.answers
    )


def tls_from(config: TlsConfig | Literal["test"] | None, base: Path | None) -> Tls | None:
    """TLS as a file describes it; raises ConfigError for files that are not there."""
    if config is None:
        return None
    if config == "test":
        return Tls(test=True)
    paths = {name: getattr(config, name) for name in ("certificate", "key", "ca")}
    found = {name: str((base or Path()) / path) if path else "" for name, path in paths.items()}
    missing = [
        f"tls.{name}: there is no file {path}" for name, path in found.items() if path and not Path(path).is_file()
    ]
    tls = Tls(
        certificate=found["certificate"], key=found["key"], ca=found["ca"], check_names=config.check_names,
        server_name=config.server_name,
    )  # fmt: skip
    return unless(missing, "TLS cannot be set up.", tls)


def dialect_from(present: Dialect, settings: Mapping[str, Any], *, oid_root: str = "") -> Dialect:
    """`present`, or the preset that `dialect` names, with single fields of Dialect overridden.

    `engine` names an interface engine to stand in front of it. Of `ack` and `sending` single members may be given.
    `oid_root` is the site's own arc, as Dialect.at_site wants it.

    Raises UnknownName for the presets, ConfigError for fields that a dialect does not have or that cannot be so.
    """
    given = dict(settings)
    base = DIALECTS.get(str(given.pop("dialect"))).at_site(oid_root) if "dialect" in given else present
    if "engine" in given:
        base = base.behind(ENGINES.get(str(given.pop("engine"))))
    hints = get_type_hints(Dialect)
    problems: list[str] = []
    for name in [one for one in given if isinstance(given[one], Mapping) and is_dataclass(hints.get(one))]:
        known = asdict(getattr(base, name))
        problems += [f"settings: {name}: " + no_such("member", key, known) for key in given[name] if key not in known]
        given[name] = known | given[name]
    unless(problems, "The HL7 settings do not hold.", base)
    own = [item.name for item in fields(Dialect) if item.name != "name"]
    forms: dict[str, Any] = {name: (hints[name], getattr(base, name)) for name in own}
    model = create_model("Hl7Settings", __config__=ConfigDict(extra="forbid"), **forms)
    read = validate(model, Document("settings", given))
    changed = replace(base, **{name: getattr(read, name) for name in given})
    if changed.offset and not re.fullmatch(r"[+-]\d{4}", changed.offset):
        problems.append(f"settings: offset: {changed.offset!r} is no zone such as -0500")
    if changed.charset and codec_of(changed.charset) is None:
        problems.append(f"settings: charset: {changed.charset!r} is not known to table 0211")
    return unless(problems, "The HL7 settings do not hold.", changed)
