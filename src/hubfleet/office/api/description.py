"""The API as a whole, and its own description at `/api/openapi.json`."""

from __future__ import annotations

from ninja import NinjaAPI

from hubfleet import __version__
from hubfleet.office.api import acting, reading, refusing, signing_in, watching

api = NinjaAPI(
    title="hubfleet",
    version=__version__,
    description="What the console shows and does, for programs.",
    # The pages that ninja has for reading it load scripts from elsewhere.
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api",
)
refusing.teach(api)
for router in (reading.router, watching.router, acting.router, signing_in.router):
    api.add_router("", router)
