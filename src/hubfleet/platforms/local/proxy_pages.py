"""The two plain pages that the proxy shows by itself.

They are files, so the proxy shows them while hubs and even the keeper are down. They repeat nothing
of the request: there is nothing for a hostile one to inject.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from html import escape
from pathlib import Path

from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.proxy import proxy_pages
from hubfleet.platforms.local.spec import HubSpec

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem }}
body {{ margin: 4rem auto; padding: 0 1rem }}
li {{ margin: .5rem 0 }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""

_HUB_DOWN = """<p>Your running servers are not affected: what they compute goes on.</p>
<p>A hub that is being restarted is back within a minute. Wait a little, then reload this page.</p>
<p>If it stays like this, tell the people who run this hub.</p>"""

_BROKEN = "<p>Wait a little, then reload this page.</p>"


def write_proxy_pages(state: StateFolder) -> None:
    """Write the pages for the hubs that are known now; the same pages are not written twice."""
    folder = make_private_folder(proxy_pages(state))
    _write(folder / "404.html", "There is no hub at this address", _hub_list(_specs(state)))
    _write(folder / "503.html", "This hub is not answering right now", _HUB_DOWN)
    _write(folder / "error.html", "Something went wrong on the way to this hub", _BROKEN)


def _hub_list(specs: Iterable[HubSpec]) -> str:
    items = [
        f'<li><a href="{escape(spec.url)}">{escape(spec.title)}</a> ({escape(spec.domain)})</li>'
        for spec in specs
        if spec.url.startswith(("http://", "https://"))
    ]
    if not items:
        return "<p>No hub has been started on this machine yet.</p>"
    return (
        "<p>These are the hubs of this machine. One that was started just now "
        "needs a few seconds until it answers.</p>\n<ul>\n" + "\n".join(items) + "\n</ul>"
    )


def _specs(state: StateFolder) -> Iterable[HubSpec]:
    for folder in state.known_hubs():
        with suppress(OSError, ValueError, TypeError):
            yield HubSpec.read(folder.spec)


def _write(path: Path, title: str, content: str) -> None:
    text = _PAGE.format(title=title, content=content)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text)
