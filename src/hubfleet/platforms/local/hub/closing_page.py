"""`/hub/closing`: whether the hub is about to go away, in words, for whoever asks.

JupyterLab asks now and then (`inside/labextensions`). Nothing here is a secret: the same sentence
stands on the sign-in page.
"""

# mypy: allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler


class ClosingHandler(BaseHandler):
    """Answers `{"notice": "..."}`, with no words for a hub that stays."""

    def get(self) -> None:
        """The first of the page's notices to nobody in particular is that of a hub that closes."""
        told = self.settings["template_vars"]["hub_notices"](None)
        self.set_header("Cache-Control", "no-store")
        self.finish({"notice": told[0] if told else ""})
