"""Signing in with the form of JupyterHub, as a person with a browser does."""

from __future__ import annotations

import re

import aiohttp

from hubfleet.probes.address import open_session
from hubfleet.probes.target import Target

_FORM = re.compile(r'name="_xsrf" value="([^"]+)"')
_SECONDS = 20.0


async def fault_of_sign_in(target: Target, user: str, password: str) -> str:
    """Why the person did not get in; empty when they did. Never raises for what the hub did."""
    try:
        async with open_session(target) as session:
            # The probe's sessions keep no cookies; a browser does.
            session._cookie_jar = aiohttp.CookieJar(unsafe=True)
            timeout = aiohttp.ClientTimeout(total=_SECONDS)
            async with session.get(f"{target.url}hub/login", timeout=timeout) as page:
                found = _FORM.search(await page.text())
            if found is None:
                return "the sign-in page has no form"
            form = {"username": user, "password": password, "_xsrf": found[1]}
            address = f"{target.url}hub/login?next=%2Fhub%2Fhome"
            async with session.post(address, data=form, timeout=timeout) as answer:
                await answer.read()
                if answer.status == 200 and str(answer.url).endswith("/hub/home"):
                    return ""
                return f"{user} was not let in (HTTP {answer.status})"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"the hub did not answer: {type(error).__name__}"
