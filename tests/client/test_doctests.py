"""Every example in the client's docstrings holds."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import driftline

MODULES = [f"driftline.{found.name}" for found in pkgutil.iter_modules(driftline.__path__) if not found.ispkg]


@pytest.mark.parametrize("module", MODULES)
def test_examples_hold(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0
