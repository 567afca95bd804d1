"""Starts one person's server. Runs as a script inside the sandbox, where hubfleet is not visible.

JupyterHub's event schemas never ask for the `iri` format, but the library for it builds a large
grammar when it is imported, a third of the time until a server answers: keep it out.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Become JupyterHub's single-user server, with the arguments of this process."""
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    # The arguments name classes of `person_server`, which lies beside this file.
    sys.path.append(str(Path(__file__).parent))
    from jupyterhub.singleuser import main as singleuser

    singleuser()


if __name__ == "__main__":
    main()
