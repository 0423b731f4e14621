"""Some of the hostile servers of ``torture.hostile``, at the steps where each bites most."""

from pathlib import Path

from torture.frame import Report
from torture.hostile import play, stage
from torture.hostile_scenarios import scenarios

CHOSEN = {
    "a gigabyte in one text": "listing",
    "a gigabyte of an error page": "get",
    "a gigabyte of tags in a response": "multiget",
    "a million attributes": "multiget",
    "nesting without end": "listing",
    "a gzip bomb of spaces": "listing",
    "a gzip bomb in a gzip": "get",
    "an entity bomb": "listing",
    "an entity of another server": "discovery",
    "answers in UTF-16": "listing",
    "silence": "sync",
    "a body that is slow": "listing",
    "a Content-Length that says too much": "get",
    "a Content-Length that says too little": "multiget",
    "100 Continue without end": "sync",
    "status 000": "get",
    "cookies": "discovery",
    "forged answers behind the right one": "sync",
    "a redirect to itself": "discovery",
    "a redirect to another origin": "put",
    "a redirect to a header behind it": "discovery",
    "401 with another nonce each time": "discovery",
    "401 with Basic and Digest in turn": "listing",
    "an href of another origin": "discovery",
    "only an href of a user at a host": "discovery",
    "an ETag of 60 KB": "put",
    "an ETag with a star": "put",
    "a display name of a megabyte": "discovery",
}


def test_no_server_hangs_us_empties_the_mirror_or_hears_the_password_of_another(folder: Path) -> None:
    """Real sockets, whole cycles and ``check``; the other account goes on, and all is well again afterwards."""
    report = Report()
    with stage(folder) as there:
        foreign = there.foreign.origin.replace("127.0.0.1", "localhost")
        chosen = [scenario for scenario in scenarios(foreign) if CHOSEN.get(scenario.name) == scenario.point.name]
        assert len(chosen) == len(CHOSEN)
        for scenario in chosen:
            play(there, scenario, report)
    assert report.failures == []
