"""What the service does by itself: what is due when, and how the last runs went. For staff."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hubfleet.office.accounts.asking import require
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.schedules import showing


@require_safe
@signed_in
def schedules(request: HttpRequest) -> HttpResponse:
    """`/schedules/`: all jobs, and the log of their runs; failures first of all."""
    require(request, Action.SEE_FLEET)
    job, kind = request.GET.get("job", "")[:60], request.GET.get("kind", "failed")
    failed = kind != "all"
    rows = showing.runs(job, failed=failed)
    said = {"job": job, "kind": "failed" if failed else "all"}
    values = {
        "board": showing.board(),
        "page": Paginator(rows, 50).get_page(request.GET.get("page")),
        "said": said,
        "query": f"{urlencode(said)}&",
    }
    return render(request, "console/schedules.html", values)
