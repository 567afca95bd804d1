"""Django's handler for ASGI, with the whole way from request to response in one thread.

Django's own goes back to the event loop to find the view, and again for each link of the chain
that is not async: five times for a page, a sixth of what the page costs. All our links and nearly
all views are plain functions. An async view still runs on the event loop, and event streams are
sent from there.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class InOneThread(ASGIHandler):
    """Answers by the chain that Django uses under WSGI."""

    def __init__(self) -> None:
        super().__init__()
        self._answer = sync_to_async(self.get_response, thread_sensitive=True)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await self._answer(request)
