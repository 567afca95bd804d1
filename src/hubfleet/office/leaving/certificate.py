"""The certificate of deletion: a PDF for the representative, made from the ledger of an ending.

`facts_of` is what it says, as values; typst sets it. Nobody's text is read as typst's markup:
values go in as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import failure
from hubfleet.office.leaving import evidence
from hubfleet.office.leaving.models import Asset, Ending

_TEMPLATE = Path(__file__).with_name("certificate.typ")


def make(ending: Ending, fleet: Fleet, issued: datetime) -> bytes:
    """The PDF. Raises `certificate-too-early` and `documents-not-installed`."""
    assets = evidence.look(ending)
    left = [one.kind for one in assets if one.state not in (Asset.State.DELETED, Asset.State.KEPT)]
    if ending.settled_at is None or left:
        raise failure(
            "certificate-too-early",
            f"it cannot be certified that the data of {ending.hub} is gone",
            why=f"not shown to be gone: {', '.join(left)}" if left else "the hub is not gone",
            hint=f"`hubfleet hub evidence {ending.hub}` shows what is missing",
        )
    return set_in_type(facts_of(ending, assets, fleet, issued), issued)


def facts_of(
    ending: Ending, assets: Sequence[Asset], fleet: Fleet, issued: datetime
) -> dict[str, Any]:
    """Everything that the certificate says."""
    ledger = evidence.as_json(ending, assets)
    kept = [one for one in assets if one.state == Asset.State.KEPT]
    said = [f"{evidence.TITLES[one.kind]}: {one.evidence}." for one in kept]
    by_hand = [evidence.TITLES[one.kind] for one in assets if one.by_hand]
    basis = "Each kind of data was looked for after the deletion, at the places that are named."
    if by_hand:
        basis += f" What hubfleet cannot look at, a person wrote down: {', '.join(by_hand)}."
    return {
        "hub": ending.hub,
        "service": fleet.service.name,
        "operator": fleet.service.operator,
        "rows": _rows(ending, fleet),
        "assets": [_row(one) for one in assets],
        "kept": " ".join(said) or "Nothing.",
        "basis": basis,
        "issued": timestamp(issued),
        "digest": digest({"hub": ending.hub, "ledger": ledger, "rows": _rows(ending, fleet)}),
    }


def _rows(ending: Ending, fleet: Fleet) -> list[list[str]]:
    data = {"exported": "taken along", "waived": "not needed"}.get(ending.data, "not decided")
    consent = f"{ending.consent_of}, {_day(ending.consent_at)}"
    if ending.consent_by != ending.consent_of:
        consent += f" (written down by {ending.consent_by}: {ending.consent_reason})"
    rows = [
        ("Hub", f"{ending.title} ({ending.hub})"),
        ("Community", ending.community_title),
        ("Address", ending.domain),
        ("Operator", f"{fleet.service.operator}, {fleet.service.contact}"),
        ("Asked for by", f"{ending.asked_by}, {ending.asked_on}"),
        ("Consent of", consent),
        ("Confirmed by", f"{ending.confirmed_by}, {_day(ending.confirmed_at)}"),
        ("Last day", str(ending.last_day)),
        ("Hub gone", _day(ending.gone_at)),
        ("People's data", f"{data}, said {ending.data_by}, {_day(ending.data_at)}"),
        ("Deleted by", f"{ending.erased_by}, {_day(ending.erase_begun_at)}"),
        ("Nothing left", _day(ending.settled_at)),
    ]
    return [[name, value] for name, value in rows]


def _row(asset: Asset) -> dict[str, str]:
    amount = str(asset.deleted_count) if asset.deleted_count else "-"
    if asset.deleted_size:
        amount += f", {_size(asset.deleted_size)}"
    said = f" (written down by {asset.by_hand})" if asset.by_hand else ""
    return {
        "title": evidence.TITLES.get(asset.kind, asset.kind),
        "state": str(asset.state),
        "amount": "-" if asset.by_hand else amount,
        "evidence": f"{asset.evidence}{said}, {timestamp(asset.looked_at)}",
    }


def _size(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _day(moment: datetime | None) -> str:
    return timestamp(moment)[:10] if moment else "-"


def set_in_type(facts: dict[str, Any], issued: datetime) -> bytes:
    """The same facts give the same bytes. Raises `documents-not-installed`."""
    if find_spec("typst") is None:
        raise failure(
            "documents-not-installed",
            "no PDF can be made here",
            why="the package typst is not installed",
            hint="install hubfleet with its extra: pip install 'hubfleet[documents]'; "
            "`hubfleet hub evidence HUB --json` says the same as data",
        )
    import typst

    pdf = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={"facts": json.dumps(facts, ensure_ascii=False)},
        ignore_system_fonts=True,
        timestamp=int(issued.timestamp()),
    )
    assert isinstance(pdf, bytes)
    return pdf
