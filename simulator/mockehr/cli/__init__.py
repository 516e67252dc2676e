"""The command line. Commands are imported when they are used, so that `mockehr --help` stays quick."""

from mockehr.cli.main import main

__all__ = ["main"]
