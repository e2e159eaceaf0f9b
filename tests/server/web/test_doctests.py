"""The examples in the docstrings of the page are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from driftline_server import web

MODULES = [found.name for found in pkgutil.walk_packages(web.__path__, f"{web.__name__}.")]


@pytest.mark.parametrize("module", [*MODULES, "driftline_core.spans"])
def test_examples_hold(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0
