"""Whether a licence is a free one, by what a package says of it. Pure.

Three answers, because lists of licences are never whole: what stands in neither list, and what says
both, is left to people.
"""

from __future__ import annotations

import re
from typing import Literal

from hubfleet.replicate.data.licences import Licence

Verdict = Literal["free", "unknown", "proprietary"]
_RANKS: tuple[Verdict, ...] = ("proprietary", "unknown", "free")

_LONGEST = 300
_MOST_BRACKETS = 20

# Names of the SPDX list, as beginnings, in small letters.
_NOT_FREE = re.compile(
    r"busl-|sspl-|elastic-|polyform-|fsl-|sul-|aladdin|hippocratic-|json$|cc-by-n[cd]|cpol-|ms-lpl|"
    r"bsd-3-clause-no-|ncgl-|iec-code-components-eula|adacore-doc|c-uda-|ppl$|mitnfa"
)
_FREE = re.compile(
    r"0bsd|aal$|afl-|agpl-|apache-|apsl-2|artistic-|bitstream-vera|blueoak-|boehm-gc|bsd-|bsl-1|"
    r"cc0-|cc-by-\d|cc-by-sa-|cc-pdd|cddl-|cdla-p|cecill|cern-ohl-[psw]|cnri-|cpl-|curl$|ecl-|efl-|"
    r"epl-|eupl-|fsfap|ftl$|gfdl-1.\d-no-invariants|gpl-|hdf5$|hpnd|icu$|ijg|imagemagick|intel$|"
    r"ipl-|isc|lgpl-|libpng|libtiff|lppl-|minpack|mit|mpich2|mpl-|ms-pl|ms-rl|mulanpsl-|nasa-1|"
    r"ncl$|ncsa|netcdf|nist-|ntp|odbl-|odc-by|ofl-1|oldap-2\.[3-8]|openssl|osl-|pddl-|php-3|"
    r"postgresql|psf-|python-|qhull|ruby|sgi-b-2|sissl|sleepycat|tcl$|ucl-|unicode-|unlicense|upl-|"
    r"vim$|w3c|wtfpl|x11|xnet|zlib|zpl-|any-osi"
)
_OWN = "licenseref-"
"""How an expression names a licence that the SPDX list has not."""

_FREE_CLASSIFIER = re.compile(
    r"License :: (OSI Approved|DFSG approved|Public Domain|CC0 |CeCILL-[BC] |Repoze Public)"
)
_NOT_FREE_CLASSIFIER = re.compile(
    r"License :: (Other/Proprietary|Free [Ff]or |Free To Use But|Freeware|Aladdin)"
)
_NOT_FREE_WORDS = re.compile(
    r"\bproprietary\b|\bcommercial\b|\bnon-?commercial\b|\beula\b|end.user licen[cs]e|\bnvidia\b|"
    r"\bnon-?free\b|\bclosed\b|\brestricted\b|\bconfidential\b",
    re.IGNORECASE,
)
_FREE_WORDS = re.compile(
    r"\bmit\b|\bbsd\b|\bapache\b|\b[al]?gpl|\bgnu (lesser |affero |library )*general public|"
    r"\bmozilla public|\bmpl\b|\bisc\b|\bpython software foundation|\bpsf|\bzlib|\bpublic.domain\b|"
    r"\bunlicense\b|\bcc0\b|\bboost software|\beclipse public|\bzope public|\bzpl\b|\bartistic\b|"
    r"\bhistorical permission|permission is hereby granted, free of charge|"
    r"redistribution and use in source and binary forms",
    re.IGNORECASE,
)


def judged(licence: Licence) -> Verdict:
    """By the expression, which counts alone where it can be read; else by the older fields."""
    if licence.expression:
        return of_expression(licence.expression) or _of_text(licence.expression)
    named = {_of_classifier(line) for line in licence.classifiers}
    if licence.text:
        named.add(of_expression(licence.text) or _of_text(licence.text))
    if {"free", "proprietary"} <= named:
        return "unknown"
    return next((one for one in _RANKS if one in named - {"unknown"}), "unknown")


def of_expression(text: str) -> Verdict | None:
    """None for what is not an expression. Of `OR` the freest counts, of `AND` the least free."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    # It is read by Python's own compiler, which has limits of its own for brackets.
    if len(text) > _LONGEST or text.count("(") > _MOST_BRACKETS:
        return None
    try:
        canonical = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None
    tokens = canonical.replace("(", " ( ").replace(")", " ) ").split()
    return _RANKS[_either(tokens)]


def _either(tokens: list[str]) -> int:
    rank = _both(tokens)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        rank = max(rank, _both(tokens))
    return rank


def _both(tokens: list[str]) -> int:
    rank = _one(tokens)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        rank = min(rank, _one(tokens))
    return rank


def _one(tokens: list[str]) -> int:
    word = tokens.pop(0)
    if word == "(":
        rank = _either(tokens)
        tokens.pop(0)
        return rank
    if tokens and tokens[0] == "WITH":
        # An exception adds a permission; it takes none.
        del tokens[:2]
    return _RANKS.index(_of_name(word.lower()))


def _of_name(name: str) -> Verdict:
    if name.startswith(_OWN):
        return _of_text(name.removeprefix(_OWN).replace("-", " "))
    if _NOT_FREE.match(name):
        return "proprietary"
    return "free" if _FREE.match(name) else "unknown"


def _of_classifier(line: str) -> Verdict:
    if _NOT_FREE_CLASSIFIER.match(line):
        return "proprietary"
    return "free" if _FREE_CLASSIFIER.match(line) else "unknown"


def _of_text(text: str) -> Verdict:
    """By the words that a licence begins with; their own texts speak of others further down."""
    free, not_free = _FREE_WORDS.search(text), _NOT_FREE_WORDS.search(text)
    if bool(free) == bool(not_free):
        return "unknown"
    return "free" if free else "proprietary"
