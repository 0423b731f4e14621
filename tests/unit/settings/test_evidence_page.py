"""docs/evidence.md is true: every source is in it, with its hosts, and its TOML is a config."""

import re
from pathlib import Path

import pytest

from cardsync.annotate.texts import TEMPLATES
from cardsync.inquiries import named
from cardsync.settings.load import load
from cardsync.settings.model import Settings
from cardsync.settings.sources import Sources
from cardsync.settings.table import keys_of
from cardsync.sources import ANY_HOST

PAGE = (Path(__file__).parents[3] / "docs" / "evidence.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE))
TABLES = "\n".join(re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
BUILT_IN = [name for name in keys_of(Sources) if name != "plugins"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """All tables of the page in one file."""
    (tmp_path / "secret").write_text("xxxx\n", "utf-8")
    config = tmp_path / "cardsync.toml"
    account = '[accounts.home]\nurl = "https://dav.example.org"\nusername = "me"\npassword = "xxxx"\n'
    config.write_text(account + re.sub(r'"/run/secrets/\w+"', f'"{tmp_path}/secret"', TABLES), "utf-8")
    return load(config, {})


def test_every_source_has_a_row_and_a_table_that_turns_it_on(settings: Settings) -> None:
    assert list(ROWS) == BUILT_IN
    assert [each.name for each in named(settings) if each.source] == BUILT_IN


def test_the_hosts_of_each_are_told(settings: Settings) -> None:
    for each in named(settings):
        assert each.source
        about = each.source.about
        if not about.private and about.name not in {"dns", "web"}:
            assert all(f"`{host}`" in ROWS[each.name] for host in about.hosts)
        assert (ANY_HOST in about.hosts) == (each.name == "web")


def test_the_questions_on_the_page_are_those_that_are_asked() -> None:
    shown = re.findall(r"^VIPcheck: .*\((.*)\)$", PAGE, re.MULTILINE)
    values = {"value": "[A-Za-z.]+", "source": "[A-Za-z.]+"}
    forms = [
        TEMPLATES["en"][name].format(**values) for name in ("writes_from", "leads_to", "says", "ended", "no_domain")
    ]
    assert len(shown) == len(forms)
    for form in forms:
        assert any(re.fullmatch(form.strip("()"), one) for one in shown), form
