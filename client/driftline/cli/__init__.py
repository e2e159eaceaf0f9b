"""The command line: what the console script `driftline` starts."""

import sys

from driftline.cli.extras import install


def main() -> None:
    """Runs the command line and ends the interpreter: 0, 1 (it failed), 2 (it was asked wrongly), 130 (Ctrl-C)."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        sys.exit(f"driftline: the command line needs click and rich ({error}); install them: {install('cli')}")
    from driftline.cli.main import run

    sys.exit(run())
