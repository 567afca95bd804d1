"""The table of features names only tests that exist, and every other feature says why."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FEATURES = [
    feature
    for area in yaml.safe_load((ROOT / "docs/reference/features.yaml").read_text())
    for feature in area["features"]
]


def test_a_feature_that_is_there_is_shown_by_a_test_that_exists():
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    keys = ("shown-by", "rendered-by")
    shown = {feature[key] for feature in FEATURES for key in keys if key in feature}
    assert shown - tests == set()


def test_a_feature_that_is_not_there_says_why():
    silent = [
        feature["name"]
        for feature in FEATURES
        if "shown-by" not in feature and not (feature.get("why") or feature.get("not-planned"))
    ]
    assert silent == []


def test_no_feature_is_listed_twice():
    names = [feature["name"] for feature in FEATURES]
    assert len(names) == len(set(names))
