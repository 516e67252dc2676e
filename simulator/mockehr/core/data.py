"""Where the data that ship with mockehr lie: corpora and scenarios, in a wheel or in a checkout."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mockehr.core.errors import EnvironmentProblem


def data_root(kind: str) -> Traversable:
    """The folder of the bundled `kind` (`corpora`, `scenarios`).

    An installed wheel carries it as `mockehr/_data/<kind>`; a checkout or an editable install has it as its own
    top-level folder. Use `importlib.resources.as_file` where a real path is needed. Raises EnvironmentProblem if
    neither is there.
    """
    packaged = files("mockehr") / "_data" / kind
    if packaged.is_dir():
        return packaged
    checkout = Path(__file__).resolve().parents[3] / kind
    if checkout.is_dir():
        return checkout
    raise EnvironmentProblem(
        f"mockehr's bundled {kind!r} data are missing.",
        nearest=f"neither mockehr/_data/{kind} in the package nor a top-level {kind}/ beside simulator/ exists",
        remedy="Install mockehr again (pip install --force-reinstall mockehr), or run from a complete checkout.",
    )
