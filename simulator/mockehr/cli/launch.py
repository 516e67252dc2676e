"""`mockehr launch`: an app opened from the EHR of a running server, driven to its callback, with a record."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from mockehr.cli.operations import DEFAULT_SERVER, ask
from mockehr.core.errors import UsageError

if TYPE_CHECKING:
    from mockehr.edge.errand import Errand, Journey
    from mockehr.edge.launch_findings import Known
    from mockehr.edge.launch_record import LaunchRecord, Veil

ENTRIES: Final = 1000
"""Most entries of the journal that one launch may have."""
INSTALLED: Final = "installed"
"""What --browser means without a path: the Chromium that is found."""


@click.command()
@click.argument("site")
@click.option("--app", required=True, metavar="URL", help="The app's launch address.")
@click.option("--user", default="clinician", show_default=True, help="Who opens it: mockehr user list SITE.")
@click.option("--password", default="", help="The user's, where one is asked for.")
@click.option("--patient", default="", metavar="ID", help="Patient in context: mockehr site patients SITE.")
@click.option("--encounter", default="", metavar="ID", help="Encounter in context.")
@click.option("--intent", default="", help="What the app is opened for, as it is told.")
@click.option("--context", multiple=True, metavar="REFERENCE", help="Told as fhirContext; may be repeated.")
@click.option("--extra", multiple=True, metavar="NAME=VALUE", help="Told beside the token; may be repeated.")
@click.option("--client", default="", metavar="ID", help="The only client that may use the launch.")
@click.option("--redirect-uri", default="", metavar="URL", help="Register --client as a public client if unknown.")
@click.option("--scopes", default="", help="Scopes that --redirect-uri registers it for; all unless told.")
@click.option("--ask", "asks", is_flag=True, help="Show the hospital's pages (sign-in, consent) and answer them.")
@click.option("--deny", is_flag=True, help="The user declines.")
@click.option("--print", "only_print", is_flag=True, help="Only print the address to open in a browser of your own.")
@click.option(
    "--browser",
    is_flag=False,
    flag_value=INSTALLED,
    default=None,
    metavar="[PATH]",
    help="Drive a headless Chromium, by playwright: for apps that run in the browser.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@click.option("--address", default="", metavar="URL", help="The server's address as the app reaches it.")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="Address of the server.")
@click.option("--token", default="", help="Token of the control API.")
def launch(site: str, only_print: bool, browser: str | None, as_json: bool, **given: Any) -> None:
    """Open an app from the EHR, drive it to its callback as a browser would, and print what happened at every hop.

    mockehr launch north --app http://127.0.0.1:3000/launch --patient p0

    Exit status: 0 if the app redeemed its code and showed a page, 1 if it failed or was refused, 2 for a launch that
    cannot be, 3 if the app or the server is not reachable.
    """
    lab = _Lab(site, given["server"], given["token"])
    if given["redirect_uri"]:
        lab.register(given["client"], given["redirect_uri"], given["scopes"])
    wanted = _wanted(given)
    opened = lab.ask("app open", **wanted)
    if only_print:
        click.echo(opened["url"])
        return
    record = lab.record(opened, wanted, given, browser)
    click.echo(orjson.dumps(record.as_json(), option=orjson.OPT_INDENT_2).decode() if as_json else record.text())
    sys.exit(0 if record.completed else 3 if record.reason == "app-unreachable" else 1)


class _Lab:
    """The control API of one site, and what is done by it for a launch."""

    def __init__(self, site: str, server: str, token: str) -> None:
        self._site = site
        self._server = server
        self._token = token

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Run an operation on the site."""
        from mockehr.control.facade import operations

        return ask(operations().get(operation), self._server, self._token, {"site": self._site, **arguments})

    def register(self, client: str, redirect_uri: str, scopes: str) -> None:
        """Register the app unless it is known."""
        if not client:
            raise UsageError("--redirect-uri registers an app.", remedy="Give the client id that it sends: --client.")
        if client not in {one["client_id"] for one in self.ask("app list")["apps"]}:
            told = {"scopes": scopes} if scopes else {}
            self.ask("app add", client_id=client, redirect_uris=[redirect_uri], **told)

    def record(
        self, opened: Mapping[str, Any], wanted: Mapping[str, Any], given: Mapping[str, Any], browser: str | None
    ) -> LaunchRecord:
        """Drive the app that was opened, and write the record."""
        from mockehr.edge.cookies import origin_of
        from mockehr.edge.errand import Errand
        from mockehr.edge.launch_lab import write_record
        from mockehr.edge.launch_record import Veil

        errand = Errand(
            opened["url"],
            given["app"],
            tuple(dict.fromkeys(origin_of(url) for url in (given["address"], self._server) if url)),
            user=given["user"],
            password=given["password"],
            patient=given["patient"],
            encounter=given["encounter"],
            deny=given["deny"],
            cookies=opened["cookies"],
            popups=opened["popups"],
            callbacks=opened["callbacks"],
        )
        veil, number = Veil(), int(opened["entry"])
        journey = self._driven(errand, veil, number, browser)
        entries = self.ask("journal list", after=number - 1, limit=ENTRIES)["entries"]
        asked = {name: wanted[name] for name in ("user", "patient", "encounter", "intent", "client_id")}
        asked |= {"context": wanted["context"], "extras": wanted["extras"]}
        return write_record(
            self._site, given["app"], opened["iss"], asked, number, journey, entries, self._known(), veil
        )

    def _driven(self, errand: Errand, veil: Veil, number: int, browser: str | None) -> Journey:
        if browser is not None:
            from mockehr.cli.chromium import drive

            return drive(errand, veil, "" if browser == INSTALLED else browser)
        from mockehr.edge.workstation import Workstation

        def last() -> int:
            newest = self.ask("journal list", after=number - 1, limit=1)["entries"]
            return int(newest[-1]["entry"]) if newest else number

        return asyncio.run(Workstation(errand, veil, last).play())

    def _known(self) -> Known:
        from mockehr.edge.launch_findings import Known

        apps = self.ask("app list")["apps"]
        return Known(
            {one["client_id"]: one["redirect_uris"] for one in apps},
            {one["client_id"]: one["scopes"] for one in apps},
        )


def _wanted(given: Mapping[str, Any]) -> dict[str, Any]:
    """The launch in the words of the operation."""
    return {
        "app": given["app"],
        "user": given["user"],
        "patient": given["patient"],
        "encounter": given["encounter"],
        "intent": given["intent"],
        "client_id": given["client"],
        "context": list(given["context"]),
        "extras": dict(_pair(text) for text in given["extra"]),
        "ask": given["asks"],
        "deny": given["deny"],
        **({"address": given["address"]} if given["address"] else {}),
    }


def _pair(text: str) -> tuple[str, Any]:
    """`NAME=VALUE`; a value that is JSON counts as that."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--extra {text!r} is no NAME=VALUE.", remedy="Write it like --extra location=Ward-3.")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value
