"""Leaving for a provider by a page of our own.

Browsers apply `form-action` of the Content-Security-Policy to everything that a form's answer
redirects to, and a provider redirects to wherever it likes: to an institution, to its own sign-in.
A page that leads on by itself is no answer of a form, so the policy stays as narrow as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

View = Callable[..., HttpResponseBase]


def onward(view: View) -> View:
    """The view, with redirects to elsewhere made into pages."""

    @wraps(view)
    def wrapped(request: HttpRequest, *words: Any, **named: Any) -> HttpResponseBase:
        return by_a_page(request, view(request, *words, **named))

    return wrapped


def by_a_page(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    """A page that leads where the answer redirects, if that is another host."""
    if not isinstance(answer, HttpResponseRedirect):
        return answer
    place = urlsplit(answer.url)
    if not place.netloc or place.scheme not in ("http", "https"):
        return answer
    page = render(request, "accounts/onward.html", {"url": answer.url, "host": place.hostname})
    page.cookies = answer.cookies
    return page
