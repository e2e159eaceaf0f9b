"""The examples in the docstrings of what tells people are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from driftline_server import notify, outbox

MODULES = [found.name for room in (notify, outbox) for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]


@pytest.mark.parametrize("module", MODULES)
def test_examples_hold(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0
