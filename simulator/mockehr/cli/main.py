"""`mockehr`: the command line's root."""

from __future__ import annotations

import importlib
import sys
from types import MappingProxyType
from typing import Any, Final

import click

import mockehr
from mockehr.core.errors import MockehrError

COMMANDS: Final = MappingProxyType(
    {
        # name: (module, attribute, short help)
        "serve": ("mockehr.cli.serve", "serve", "Serve one or more sites until interrupted."),
        "demo": ("mockehr.cli.demo", "demo", "Play flaky-friday against a careless and a careful client."),
        "launch": ("mockehr.cli.launch", "launch", "Open an app from the EHR, drive it and say what became of it."),
        "check": ("mockehr.cli.check", "check", "Judge a client of any language by a scenario."),
        "init": ("mockehr.cli.init", "init", "Write a scenario to begin with, and lines for CI."),
        "pathway": ("mockehr.cli.pathways", "pathway", "Let patients go through the hospital; check pathway files."),
        "hl7": ("mockehr.cli.hl7", "hl7", "See and steer HL7 links and listeners; send messages; check batch files."),
        "bulk": ("mockehr.cli.bulk", "bulk", "See and cancel exports, see groups; bring files of resources in."),
        "corpus": ("mockehr.cli.corpus", "corpus", "Make folders of records, for use without a server."),
        "receive": ("mockehr.cli.receive", "receive", "Receive webhooks, show them, and answer as told."),
        "scenario": ("mockehr.cli.scenario", "scenario", "List, check and describe scenario files."),
        "truth": ("mockehr.cli.truth", "truth", "Compare a client's records with what is true."),
        "parity": ("mockehr.cli.parity", "parity", "Compare a site's answers with recorded ones, in shape."),
        "contract": ("mockehr.cli.contract", "contract", "Pin what a FHIR server says and shows; tell what changed."),
        "token": ("mockehr.cli.token", "token", "Print an access token for a site, or how to get one."),
        "routes": ("mockehr.cli.routes", "routes", "Print every route of a site."),
        "completion": ("mockehr.cli.completion", "completion", "Print a shell completion script."),
    }
)
GROUPS: Final = MappingProxyType(
    {
        "site": "Make, list, reset and remove sites of a running server.",
        "app": "Register SMART apps, and open one from the EHR.",
        "user": "See and add those who can sign in.",
        "session": "Sign browsers out of a site.",
        "approval": "Let an app in ahead, so that no page is shown.",
        "vendor": "Look up what is known of vendors, and in what they differ.",
        "probe": "Look up what is asked of clients.",
        "quirk": "Arm, disarm and look up quirks.",
        "clock": "Read and move a site's clock.",
        "snapshot": "Keep what was written, and go back to it.",
        "events": "See what receivers were told, tell them something now, and send it again.",
        "webhook": "Register receivers of a site's events and see what became of deliveries.",
        "journal": "Ask what happened, and why.",
        "audit": "Ask who accessed whose records, and export it.",
        "scorecard": "Ask how clients coped.",
    }
)


class LazyGroup(click.Group):
    """Commands by name, imported on use; operation groups derive from the control façade."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted([*COMMANDS, *GROUPS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none."""
        if cmd_name in COMMANDS:
            module, attribute, _ = COMMANDS[cmd_name]
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        if cmd_name in GROUPS:
            from mockehr.cli.operations import operation_group

            return operation_group(cmd_name, GROUPS[cmd_name])
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for `--help`, from their short helps alone."""
        rows = [(name, COMMANDS[name][2] if name in COMMANDS else GROUPS[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a miss says what is nearest."""
        from mockehr.core.errors import nearest_names

        if args and args[0] not in COMMANDS and args[0] not in GROUPS and not args[0].startswith("-"):
            near = nearest_names(args[0], self.list_commands(ctx))
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=LazyGroup, context_settings={"auto_envvar_prefix": "MOCKEHR", "help_option_names": ["-h", "--help"]}
)
@click.version_option(mockehr.__version__, prog_name="mockehr")
def cli() -> None:
    """A hospital's EHR that misbehaves on purpose, and can prove how your integration coped."""


def main() -> Any:
    """Entry point: deliberate errors become a message on stderr and their exit code."""
    try:
        return cli(standalone_mode=True)
    except MockehrError as error:
        click.echo(f"mockehr: {error}", err=True)
        sys.exit(error.exit_code)
