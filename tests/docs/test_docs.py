"""Documentation that cannot rot: generated pages, links, commands, versions."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sim
from sim.errors import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("leachsim_docs_generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


generate = _generator()


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def readme_command(name: str) -> str:
    """The one line in the code block after ``<!-- command: NAME -->``, as .ci/run takes it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^<!-- command: {name} -->\n```bash\n([^\n]+)\n```$", text, re.MULTILINE)
    assert len(found) == 1, f"README.md must hold exactly one command {name!r} of one line"
    return str(found[0])


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_generated_page_is_up_to_date(name: str) -> None:
    page = ROOT / "docs" / name
    assert page.is_file(), "run: python docs/generate.py"
    assert page.read_text(encoding="utf-8") == generate.PAGES[name](), "run: python docs/generate.py"


def test_a_stale_page_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    (tmp_path / "errors.toml").write_bytes((ROOT / "docs" / "errors.toml").read_bytes())
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    page = tmp_path / "errors.md"
    page.write_text(page.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    assert generate.stale() == ["errors.md"]


def test_every_error_has_its_paragraph() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    headings = [int(number) for number in re.findall(r"^### LS-(\d+)$", text, re.MULTILINE)]
    assert headings == sorted(CATALOGUE)
    explained = tomllib.loads((ROOT / "docs" / "errors.toml").read_text(encoding="utf-8"))
    explained.pop("families")
    for number, entry in explained.items():
        assert set(entry) == {"means", "do"}, number
        assert all(len(part) > 20 for part in entry.values()), number


def test_an_unexplained_error_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, 299, "new")
    with pytest.raises(SystemExit, match="299"):
        generate.errors_page()


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        assert not target.startswith("http"), f"{target}: pages must work offline"
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{_name(page)} links to {target}"
        assert there.is_relative_to(ROOT), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, target


def test_every_page_is_reachable_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(text)]
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= seen


def _known_options(verb: Any) -> set[str]:
    return {spelling for parameter in verb.params for spelling in parameter.opts} | {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_in_pages_exist(page: Path) -> None:
    import typer

    from sim.cli.main import build_app

    command: Any = typer.main.get_command(build_app())
    for block in _blocks(page, "bash"):
        for line in block.splitlines():
            for part in re.split(r"&&|\|\||;|\|", line.partition(" #")[0]):
                words = shlex.split(part)
                if not words or Path(words[0]).name != "leachsim":
                    continue
                verb, rest = command, words[1:]
                while hasattr(verb, "commands"):  # a group such as ``terrain`` is followed by one of its own verbs
                    assert rest, part
                    assert rest[0] in verb.commands, part
                    verb, rest = verb.commands[rest[0]], rest[1:]
                options = {word.partition("=")[0] for word in rest if word.startswith("-")}
                assert options <= _known_options(verb), part


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_toml_in_pages_uses_known_keys(page: Path) -> None:
    """Every key of every TOML example is a key of the shipped scenario or of the schema."""
    from sim.scenario.load import json_schema

    schema = json_schema()
    known = {key for definition in schema["$defs"].values() for key in definition.get("properties", {})}
    for block in _blocks(page, "toml"):
        for key in _keys(tomllib.loads(block)):
            assert key in known, f"{_name(page)}: {key}"


def _keys(table: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for key, value in table.items():
        found.add(key)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and set(entry) - {"value", "unit", "source"}:
                found |= _keys(entry)
    return found


def test_readme_commands_are_self_contained() -> None:
    for name, words in (("run", ("pip install .", "leachsim run kachin")), ("test", ("pip install -e", "pytest"))):
        command = readme_command(name)
        assert "python3 -m venv .venv" in command
        assert "test -x .venv/bin/pip ||" in command, "must work a second time"
        for part in words:
            assert part in command


def test_ci_runs_the_commands_of_the_readme() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "command_of_readme run" in text
    assert "command_of_readme test" in text


def test_versions_agree() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", text, re.MULTILINE) == [sim.__version__]


def test_nothing_of_the_workshop_leaks_into_the_text() -> None:
    for page in [*PAGES, ROOT / ".ci" / "run", ROOT / "pyproject.toml"]:
        text = page.read_text(encoding="utf-8")
        for word in (f"{ROOT}/", f"{Path.home()}/", "/home/", "TODO", "FIXME"):
            assert word not in text, f"{page.name}: {word}"
