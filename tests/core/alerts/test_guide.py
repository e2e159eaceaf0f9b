"""What the guide to alerts says is so."""

import re
import tomllib
from pathlib import Path

from driftline_core.alerts import COMPUTED, METRICS, TEMPLATES, parse_all

GUIDE = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()


def test_its_rules_are_rules() -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert [rule.name for rule in parse_all(tomllib.loads(settings)["rules"], receivers=["ops"])] == [
        "drift-detected",
        "slow",
        "amounts",
    ]


def test_it_names_every_event_metric_and_template_there_is() -> None:
    assert [name for name in (*COMPUTED, *METRICS, *TEMPLATES) if name not in GUIDE] == []
