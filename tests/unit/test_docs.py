"""The documentation: it builds without a warning and says neither less nor more than the code."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import ClusterFile, CommunityFile, FleetFile, HubValues
from hubfleet.fleet.oncall import OnCallFile
from hubfleet.replicate.audit.kinds import KINDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts),
    *sorted(ROOT.glob("*.md")),
]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation."""
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-P", "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    doctrees = ["-d", str(folder / "doctrees")]
    built = subprocess.run(
        [*command, *doctrees, str(DOCS), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "html"


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules that make the reference from the code."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    names = ("fields", "commands", "error_codes", "generated")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


def page(html: Path, name: str) -> str:
    """The words of a built page, without its marks."""
    text = re.sub(r"<[^>]+>", "", (html / f"{name}.html").read_text())
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_every_error_code_of_the_source_is_documented(html: Path) -> None:
    documented = page(html, "reference/errors")
    # Not the extension's own way to find codes, but a plain search.
    makes_problem = re.compile(r'(?:failure|Problem)\(\s*"([a-z0-9-]+)"')
    codes = {
        code
        for path in (ROOT / "src").rglob("*.py")
        for code in makes_problem.findall(path.read_text())
    }
    assert len(codes) > 20
    assert {code for code in codes if code not in documented} == set()


def test_every_finding_of_an_audit_is_documented_with_its_level_and_cure(
    html: Path, extension: dict[str, ModuleType]
) -> None:
    text = extension["generated"].PAGES["audit"]()
    documented = page(html, "reference/audit")
    for kind in KINDS.values():
        before, _, after = text.partition(f"### `{kind.code}`")
        assert re.findall(r"^## ([A-Z]+)$", before, re.MULTILINE)[-1] == kind.levels[0]
        cure = re.sub(r"{([a-z]+)}", r"<\1>", kind.cure)
        assert after.partition("hint: ")[2].partition("\n")[0] == cure
        assert cure in documented


def test_every_code_that_a_broken_fleet_shows_is_documented(html: Path) -> None:
    documented = page(html, "reference/errors")
    cases = (ROOT / "tests" / "cases" / "faults").glob("*.yaml")
    codes = {code for case in cases for code in re.findall(r"code: ([a-z0-9-]+)", case.read_text())}
    assert len(codes) > 20
    assert {code for code in codes if code not in documented} == set()


def test_every_field_is_documented_with_a_meaning(
    html: Path, extension: dict[str, ModuleType]
) -> None:
    documented = page(html, "reference/fields")
    for model in (FleetFile, ClusterFile, CommunityFile, HubValues, OnCallFile):
        for key, _, _, meaning in extension["fields"].rows(model):
            assert meaning, key
            assert f"\n{key}\n" in documented, key


def test_every_command_and_option_is_documented(
    html: Path, extension: dict[str, ModuleType]
) -> None:
    documented = page(html, "reference/command-line")
    commands = dict(extension["commands"].all_commands())
    assert "hubfleet validate" in commands
    for name, command in commands.items():
        assert f"\n{name}" in documented
        assert command.help, name
        for option in options_of(command):
            assert option in documented, f"{name} {option}"


def test_pages_name_only_commands_and_options_that_exist(
    extension: dict[str, ModuleType],
) -> None:
    commands = dict(extension["commands"].all_commands())
    wrong = []
    for path in PAGES:
        for verb, rest in re.findall(r"hubfleet ([a-z-]+)((?: [^`\n|#]*)?)", code_of(path)):
            words = ["hubfleet", verb, *rest.split()[:2]]
            names = [" ".join(words[:length]) for length in range(len(words), 1, -1)]
            command = next((commands[name] for name in names if name in commands), None)
            known = {*options_of(command), "--help"} if command else set()
            named = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
            if command is None or not named <= known:
                wrong.append(f"{path.name}: hubfleet {verb}{rest}")
    assert wrong == []


def test_pages_name_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for path in PAGES for name in re.findall(r"make ([a-z-]+)", code_of(path))}
    assert {"up", "test"} <= named
    assert named <= targets


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{path.name}: {target}"
        for path in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_a_sentence_is_a_line() -> None:
    several = [
        f"{path.name}: {line}"
        for path in PAGES
        for line in prose_of(path)
        if re.search(r"[a-z)`*][.?!] [A-Z]", line)
    ]
    assert several == []


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert re.search(r"^\{ make test ", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


def test_the_yaml_of_the_pages_is_a_fleet(tmp_path: Path) -> None:
    """The README's hub, dropped into the starter fleet."""
    import shutil

    from hubfleet.cli.init import starter

    shutil.copytree(starter(), tmp_path / "fleet")
    block = re.search(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    (tmp_path / "fleet" / block[1]).write_text(block[2])
    assert load_fleet(tmp_path / "fleet").hubs["garden/prod"].values.limits.memory == "2G"


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name[0] == "-"}


def code_of(path: Path) -> str:
    """What stands in backticks or code blocks, a line each."""
    text = path.read_text()
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*blocks, *inline])


def prose_of(path: Path) -> list[str]:
    """The lines of a page outside code blocks and tables."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    lines = (re.sub(r"`[^`]*`", "`", line) for line in text.splitlines())
    return [line for line in lines if not line.lstrip().startswith(("|", ":"))]
