"""The examples in the docstrings of the command line are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import driftline.cli

MODULES = [f"driftline.cli.{found.name}" for found in pkgutil.iter_modules(driftline.cli.__path__) if found.name != "__main__"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_hold(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0
