"""Asking for the password again before something weighty; allauth's decorator with types."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from allauth.account.decorators import reauthentication_required
from django.http import HttpResponse

P = ParamSpec("P")


def password_again(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """The view, for whoever signed in or showed the password in the last five minutes."""
    guarded: Callable[P, HttpResponse] = reauthentication_required(view)
    return guarded
