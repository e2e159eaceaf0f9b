"""The examples in the docstrings of the alerts are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import driftline_core.alerts

MODULES = [f"driftline_core.alerts.{found.name}" for found in pkgutil.iter_modules(driftline_core.alerts.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_examples_hold(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0
