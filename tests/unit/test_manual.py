"""The manual page and the completion."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from cardsync.cli import main

ROOT = Path(__file__).parents[2]


def out(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_page_that_is_shipped_is_that_of_the_commands() -> None:
    page = out("man")
    assert (ROOT / "docs" / "cardsync.1").read_text("utf-8") == page
    commands = main.list_commands(None)  # type: ignore[arg-type]  # it needs no context
    assert all(f"\n.B {name}\n" in page for name in commands)
    assert all(line.startswith((".", "\\&")) or not line.startswith(("'", ".")) for line in page.splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_the_shells_own_language(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(out("completion", shell))
    assert "_CARDSYNC_COMPLETE" in script.read_text()
    if shell == "bash":
        subprocess.run(["bash", "-n", str(script)], check=True)


def test_a_shell_is_told_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"COMP_WORDS": "cardsync he", "COMP_CWORD": "1", "_CARDSYNC_COMPLETE": "bash_complete"}
    done = CliRunner(env=words).invoke(main, [], prog_name="cardsync", complete_var="_CARDSYNC_COMPLETE")
    assert done.stdout == "plain,healthcheck\n"
