"""A Python of its own with hubfleet, and with what may be installed beside it, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
import http.server, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"hello {os.environ['JUPYTERHUB_USER']} from {os.getcwd()} at {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
SETUP = """
import sys

def setup():
    return {"command": [sys.executable, "-I", "-m", "hello_program", "{port}"], "timeout": 30}
"""


def python_beside_hubfleet(folder: Path, *packages: str) -> Path:
    """The interpreter of a new environment with hubfleet and these packages; skips without index.

    The locked versions of hubfleet's own needs, so that only the packages come from outside.
    """
    from uv import find_uv_bin

    uv = find_uv_bin()
    wanted = folder / "wanted.txt"
    folder.mkdir(parents=True, exist_ok=True)
    locked = ["--frozen", "--no-dev", "--extra", "local", "--no-emit-project", "--no-hashes"]
    options = ["--project", str(ROOT), "--quiet", *locked, "--output-file", str(wanted)]
    subprocess.run([uv, "export", *options], check=True, env={**os.environ, "UV_NATIVE_TLS": "1"})
    with wanted.open("a") as file:
        file.write("\n".join(packages) + "\n")
    place = folder / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
    python = place / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(wanted)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the package index does not answer: {done.stderr.strip()[-200:]}")
    (site,) = place.glob("lib/python3.*/site-packages")
    (site / "hubfleet-source.pth").write_text(f"{ROOT / 'src'}\n")
    return python


def add_program(python: Path) -> None:
    """Installs `hello`, a program that answers over HTTP, for jupyter-server-proxy to find."""
    (site,) = python.parents[1].glob("lib/python3.*/site-packages")
    (site / "hello_program.py").write_text(PROGRAM)
    (site / "hello_setup.py").write_text(SETUP)
    facts = site / "hello-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n")
    points = "[jupyter_serverproxy_servers]\nhello = hello_setup:setup\n"
    (facts / "entry_points.txt").write_text(points)
