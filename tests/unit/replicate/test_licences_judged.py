"""Licences as packages declare them: free, proprietary, or for people to look at."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hubfleet.replicate.audit.licences import judged, of_expression
from hubfleet.replicate.data.licences import Licence, licences_of

OTHER = "License :: Other/Proprietary License"
BSD = "License :: OSI Approved :: BSD License"


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", "free"),
        ("mit", "free"),
        ("BSD-3-Clause", "free"),
        ("Apache-2.0 WITH LLVM-exception", "free"),
        ("Apache-2.0 AND BSD-2-Clause AND ISC AND MIT", "free"),
        ("Apache-2.0 AND CNRI-Python", "free"),
        ("0BSD OR CC0-1.0", "free"),
        ("LGPL-3.0-or-later", "free"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "free"),
        ("MIT OR LicenseRef-Proprietary", "free"),
        ("LicenseRef-Public-Domain", "free"),
        ("MIT AND LicenseRef-Proprietary", "proprietary"),
        ("(MIT OR Apache-2.0) AND LicenseRef-Proprietary", "proprietary"),
        ("MIT OR Apache-2.0 AND LicenseRef-Proprietary", "free"),
        ("LicenseRef-Proprietary", "proprietary"),
        ("LicenseRef-NVIDIA-Proprietary", "proprietary"),
        ("LicenseRef-NVIDIA-SOFTWARE-LICENSE", "proprietary"),
        ("BUSL-1.1", "proprietary"),
        ("SSPL-1.0", "proprietary"),
        ("Elastic-2.0", "proprietary"),
        ("PolyForm-Noncommercial-1.0.0", "proprietary"),
        ("CC-BY-NC-SA-4.0", "proprietary"),
        ("CC-BY-ND-4.0", "proprietary"),
        ("JSON", "proprietary"),
        ("BSD-3-Clause-No-Nuclear-License", "proprietary"),
        ("LicenseRef-Something", "unknown"),
        ("Crossword", "unknown"),
        ("MIT AND Crossword", "unknown"),
        ("Nobody-Knows-1.0", "unknown"),
        ("(" * 40 + "MIT" + ")" * 40, "free"),
        ("(" * 40 + "LicenseRef-Proprietary" + ")" * 40, "proprietary"),
        ("MIT OR " * 100 + "LicenseRef-Proprietary", "unknown"),
        ("(MIT", "free"),
    ],
)
def test_an_expression_counts_alone(expression, verdict):
    assert judged(Licence("1", expression, (OTHER,), "Proprietary")) == verdict


@pytest.mark.parametrize(
    ("classifiers", "text", "verdict"),
    [
        ((BSD,), "", "free"),
        (("License :: OSI Approved",), "", "free"),
        (("License :: Public Domain",), "", "free"),
        ((OTHER,), "", "proprietary"),
        ((OTHER,), "NVIDIA Proprietary Software", "proprietary"),
        (("License :: Free for non-commercial use",), "", "proprietary"),
        (("License :: Freeware",), "", "proprietary"),
        ((OTHER, BSD), "", "unknown"),
        ((OTHER,), "MIT", "unknown"),
        (("License :: Nokia Open Source License (NOKOS)",), "", "unknown"),
        ((), "BSD-3-Clause", "free"),
        ((), "Apache License, Version 2.0", "free"),
        ((), "The MIT License (MIT) Copyright (c) 2020 All rights reserved.", "free"),
        ((), "Licensed under the terms of the Modified BSD License", "free"),
        ((), "GNU Lesser General Public License v3", "free"),
        ((), "Proprietary", "proprietary"),
        ((), "Some End User License Agreement", "proprietary"),
        ((), "MIT for non-commercial use", "unknown"),
        ((), "UNKNOWN", "unknown"),
        ((), "see LICENSE", "unknown"),
        ((), "", "unknown"),
    ],
)
def test_older_fields_are_weighed(classifiers, text, verdict):
    assert judged(Licence("1", "", classifiers, text)) == verdict


NAMES = some.sampled_from(["MIT", "Crossword", "LicenseRef-Proprietary"])
RANK = {"MIT": 2, "Crossword": 1, "LicenseRef-Proprietary": 0}
VERDICTS = ("proprietary", "unknown", "free")


def rank_of(tree) -> int:
    """By the definition of the two words, and not by reading the text."""
    if isinstance(tree, str):
        return RANK[tree]
    word, left, right = tree
    return (max if word == "OR" else min)(rank_of(left), rank_of(right))


def text_of(tree) -> str:
    if isinstance(tree, str):
        return tree
    word, left, right = tree
    return f"({text_of(left)}) {word} ({text_of(right)})"


TREES = some.recursive(
    NAMES, lambda inner: some.tuples(some.sampled_from(["OR", "AND"]), inner, inner), max_leaves=5
)


@given(TREES)
def test_any_expression_means_what_its_words_say(tree):
    assert of_expression(text_of(tree)) == VERDICTS[rank_of(tree)]


@given(some.text(max_size=400))
def test_whatever_a_package_writes_gets_a_verdict(text):
    assert judged(Licence("1", text, (text,), text)) in VERDICTS


def packaged(environment, name: str, metadata: bytes) -> None:
    folder = environment / f"lib/python3.12/site-packages/{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_bytes(metadata)


def test_what_packages_declare_is_read_from_their_metadata(tmp_path):
    head = b"Metadata-Version: 2.4\nName: %s\nVersion: 1.0\n"
    packaged(
        tmp_path, "Some_Free", head % b"Some_Free" + b"License-Expression: MIT\n\nLicense: x\n"
    )
    packaged(
        tmp_path,
        "old",
        head % b"old"
        + b"Classifier: Programming Language :: Python\nClassifier: License :: Freeware\n\n",
    )
    packaged(tmp_path, "silent", head % b"silent" + b"\nLicense-Expression: MIT\n")
    long = (
        b"License: Permission is hereby granted,\n   free of charge \x1b[31m" + b"a" * 900 + b"\n"
    )
    packaged(tmp_path, "long", head % b"long" + long)
    found = licences_of(tmp_path)
    assert [*found] == ["long", "old", "silent", "some-free"]
    assert found["some-free"] == Licence("1.0", "MIT")
    assert found["old"].words == "Freeware"
    assert found["silent"].words == ""
    assert "\x1b" not in found["long"].text
    assert len(found["long"].words) == 80
    assert judged(found["long"]) == "free"


def test_a_package_cannot_make_us_read_elsewhere_or_for_ever(tmp_path):
    packaged(tmp_path, "huge", b"Name: huge\nLicense: " + b"(" * 3_000_000)
    packaged(tmp_path, "linked", b"")
    metadata = tmp_path / "lib/python3.12/site-packages/linked-1.0.dist-info/METADATA"
    metadata.unlink()
    metadata.symlink_to("/etc/passwd")
    begun = time.monotonic()
    found = licences_of(tmp_path)
    assert found["linked-1.0.dist-info"] == Licence("")
    assert judged(found["huge"]) == "unknown"
    assert time.monotonic() - begun < 2
