"""What the client remembers of sites, where the clock had been ahead for a while."""

from datetime import timedelta

from cardsync.evidence.pace import LONGEST, Pace
from cardsync.evidence.robots import Robots
from in_memory import START

AHEAD = START + timedelta(days=365)


def test_a_pause_is_kept_to_its_end_but_not_for_the_year_that_a_clock_was_ahead() -> None:
    pace = Pace()
    pace.failed("site.example", START, LONGEST)
    assert pace.left_alone("site.example", START) == LONGEST
    assert pace.left_alone("site.example", START + LONGEST) is None
    pace.failed("site.example", AHEAD, LONGEST)
    assert pace.left_alone("site.example", START) is None


async def test_the_rules_of_a_site_are_asked_for_anew_once_the_clock_is_right() -> None:
    robots, asked = Robots(), 0

    async def fetch() -> tuple[int, str]:
        nonlocal asked
        asked += 1
        return 200, "User-agent: *\nDisallow: /\n" if asked > 1 else ""

    url = "https://site.example/jo"
    assert await robots.allow("site.example", url, fetch, AHEAD)
    assert not await robots.allow("site.example", url, fetch, START)
    assert not await robots.allow("site.example", url, fetch, START + timedelta(hours=23))
    assert asked == 2
