"""Positions, languages, every way to be a VIP, and servers that rewrite or convert."""

from pathlib import Path

import pytest

from builders import joined
from cardsync.demo.ios import IOS_6
from cardsync.records import Ending, ProblemKind
from loop import DAY, HOUR, OWN, PLENTY, Make, home_on, meaning, note_of, notes_apart, person
from servers import Running, Told, start_converting, start_icloud_shaped, start_radicale
from servers.loopback import Request, Response

# ---------------------------------------------------------------- position, languages


def test_a_question_at_the_bottom_is_answered_there_and_leaves_the_card_as_it_was(home: Make) -> None:
    keys = {"Ok": OWN, "End": OWN, "Gone": OWN, "Bare": None, "Old": OWN + "\n"}
    at = home({key: person(key, note) for key, note in keys.items()}, reminders={**PLENTY, "position": "bottom"})
    before = {key: at.card(key) for key in keys}
    at.loop.cycle()
    for key, note in keys.items():
        block = at.loop.questions(key)[0].block
        assert at.note(key) == (f"{note}\n\n{block}" if note else block)
    at.phone.type_below_block("Ok.vcf", "ok")
    at.phone.type_at_end("End.vcf", "never")
    at.phone.delete_block("Gone.vcf")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Ok") + at.loop.endings("End") == [Ending.CONFIRMED, Ending.NEVER]
    assert at.loop.endings("Gone") == [Ending.DISMISSED]
    assert (at.note("Ok"), at.note("End")) == (OWN, OWN)
    assert at.note("Gone").rstrip("\n") == OWN  # what the owner left of the empty lines is the owner's
    at.loop.cycle(after=45 * DAY)
    for key in ("Bare", "Old"):
        assert at.card(key) == before[key]


WORDS = {
    "en": ("left", Ending.LEFT),
    "de": ("stimmt", Ending.CONFIRMED),
    "fr": ("plus tard", Ending.SNOOZED),
    "es": ("nunca", Ending.NEVER),
    "pt": ("sim", Ending.CONFIRMED),
}


@pytest.mark.parametrize("language", sorted(WORDS))
def test_a_question_in_each_language_is_answered_in_it_and_adopted(tmp_path: Path, language: str) -> None:
    word, ending = WORDS[language]
    reminders = {"language": language, "label": "Frage"}
    with (
        start_icloud_shaped() as server,
        home_on(server, tmp_path, {"Jo": person("Jo", OWN)}, reminders=reminders) as at,
    ):
        at.loop.cycle()
        assert at.note().startswith("Frage: ")
        at.loop.lose_database()
        assert at.loop.counts(after=HOUR)["adopted"] == 1
        at.phone.label = "Frage"
        at.phone.type_below_block("Jo.vcf", word)
        at.loop.cycle(after=HOUR)
        assert at.loop.endings("Jo")[0] is ending
        assert at.note().endswith(OWN)
        assert (at.note() == OWN) == (ending is not Ending.LEFT)


def test_an_old_phone_that_escapes_colons_is_understood(home: Make) -> None:
    own = "Office: 2nd floor; C:\\temp\nAda: 3, Bo: 5"
    keys = ("Ok", "Free", "Gone")
    at = home({key: person(key, own) for key in keys}, reminders=PLENTY)
    at.loop.cycle()
    at.phone.ios = IOS_6
    at.phone.type_below_block("Ok.vcf", "ok")
    at.phone.type_inside("Free.vcf", "now: CRO at Stripe")
    at.phone.delete_block("Gone.vcf")
    at.loop.cycle(after=HOUR)
    assert [at.loop.endings(key) for key in keys] == [[Ending.CONFIRMED], [Ending.NOTED], [Ending.DISMISSED]]
    assert [at.note(key) for key in keys] == [own, f"now: CRO at Stripe\n\n{own}", own]


# ---------------------------------------------------------------- who is a VIP


def v4_group(members: list[str]) -> bytes:
    head = ["BEGIN:VCARD", "VERSION:4.0", "KIND:group", "N:vip;;;;", "FN:vip"]
    return joined(
        [*head, *(f"MEMBER:urn:uuid:{key.upper()}" for key in members), "UID:urn:uuid:G-4", "END:VCARD"], "\r\n"
    )


@pytest.mark.parametrize("kind", ["vcard4", "categories", "book", "apple"])
def test_every_way_to_be_a_vip(loop_server: Running, tmp_path: Path, kind: str) -> None:
    extra = ["CATEGORIES:Friends,vip"] if kind == "categories" else []
    cards = {"Jo": person("Jo", OWN, *extra), "Al": person("Al", OWN)}
    server = loop_server.make_book(f"{kind}-{tmp_path.name}", "VIP") if kind == "book" else loop_server
    with home_on(server, tmp_path, cards, ["Jo"] if kind == "apple" else [], reminders=PLENTY) as at:
        if kind == "vcard4":
            at.server.put_card("g4.vcf", v4_group(["Jo"]))
        at.loop.cycle()
        assert (at.asked("Jo"), at.asked("Al")) == (True, kind == "book")


# ---------------------------------------------------------------- servers that re-serialise or convert


def test_a_card_put_into_radicales_storage_by_hand_keeps_what_every_client_sees(tmp_path: Path) -> None:
    """Radicale itself reads a note only up to a bare comma, so that no client ever sees the rest."""
    cards = {"Jo": person("Jo")}
    with start_radicale(tmp_path / "radicale") as server, home_on(server, tmp_path, cards) as at:
        root = tmp_path / "radicale" / "storage" / "collection-root"
        card = person("Jo", raw_note="Call her, then Bob; or Al")
        (root / server.username / "contacts" / "Jo.vcf").write_bytes(card)
        before = at.card()
        at.loop.cycle()
        assert at.note() == at.loop.questions("Jo")[0].block + "\n\n" + (note_of(before) or "")
        at.loop.cycle(after=45 * DAY)
        assert note_of(at.card()) == note_of(before)
        assert meaning(at.card()) == meaning(before)


def test_a_version_4_card_is_written_as_such_where_the_etag_proves_what_is_stored(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN, version="4.0")}
    with start_converting() as server, home_on(server, tmp_path, cards) as at:
        at.loop.cycle()
        stored = server.get_card("Jo.vcf", "application/x-stored")
        assert notes_apart(stored) == notes_apart(cards["Jo"])
        assert (note_of(stored) or "").startswith("VIPcheck: ")
        at.loop.cycle(after=45 * DAY)
        assert server.get_card("Jo.vcf", "application/x-stored") == cards["Jo"]


def test_a_version_4_card_without_that_proof_is_only_read(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN, version="4.0")}
    with start_converting(md5_etags=False) as server, home_on(server, tmp_path, cards) as at:
        assert at.loop.counts()["parked"] == 1
        assert at.loop.problems()[ProblemKind.PARKED].reason == "converted"
        at.loop.cycle(after=DAY)
        assert server.get_card("Jo.vcf", "application/x-stored") == cards["Jo"]
        assert at.wire.methods()["PUT"] == 0


STORED = "application/x-stored"
PHOTO = {"3.0": "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg==", "4.0": "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRg=="}


def test_a_3_0_card_on_a_server_like_cyrus_is_asked_about_and_left_as_it_was(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN), "Al": person("Al", OWN, PHOTO["3.0"]), "Bo": person("Bo")}
    with (
        start_converting(md5_etags=False, told=Told.TRUTH) as server,
        home_on(server, tmp_path, cards, reminders=PLENTY) as at,
    ):
        at.loop.cycle()
        for key, before in cards.items():
            asked = server.get_card(f"{key}.vcf", STORED)
            assert notes_apart(asked) == notes_apart(before)
            assert (note_of(asked) or "").startswith("VIPcheck: ")
            at.phone.type_below_block(f"{key}.vcf", "ok")
        at.loop.cycle(after=HOUR)
        for key, before in cards.items():
            assert at.loop.endings(key) == [Ending.CONFIRMED]
            after = server.get_card(f"{key}.vcf", STORED)
            assert (note_of(after), meaning(after, "REV")) == (note_of(before), meaning(before, "REV"))
        at.wire.clear()
        at.loop.cycle(after=HOUR)
        assert at.wire.methods() == {"REPORT": 1}  # only cards that are written are asked about


def test_a_4_0_card_on_a_server_like_cyrus_is_written_as_such(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN, "KIND:individual", version="4.0"), "Al": person("Al", OWN, version="4.0")}
    with (
        start_converting(md5_etags=False, told=Told.TRUTH) as server,
        home_on(server, tmp_path, cards, reminders=PLENTY) as at,
    ):
        at.loop.cycle()
        for key, before in cards.items():
            asked = server.get_card(f"{key}.vcf", STORED)
            assert notes_apart(asked) == notes_apart(before)
            assert (note_of(asked) or "").startswith("VIPcheck: ")
        at.loop.cycle(after=45 * DAY)
        assert {key: server.get_card(f"{key}.vcf", STORED) for key in cards} == cards


@pytest.mark.parametrize("told", sorted(set(Told) - {Told.TRUTH}))
def test_a_card_of_which_a_server_tells_lies_is_only_read(tmp_path: Path, told: Told) -> None:
    cards = {"Jo": person("Jo", OWN, PHOTO["4.0"], version="4.0")}
    with start_converting(md5_etags=False, told=told) as server, home_on(server, tmp_path, cards) as at:
        assert at.loop.counts()["parked"] == 1
        assert at.loop.problems()[ProblemKind.PARKED].reason == "converted"
        at.loop.cycle(after=DAY)
        assert server.get_card("Jo.vcf", STORED) == cards["Jo"]
        assert at.wire.methods()["PUT"] == 0


@pytest.mark.parametrize("told", [Told.OF_SERVED, Told.DEFAULT_SHOWN, Told.BOTH, Told.CHANGED, Told.MORE])
@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_nor_is_one_whose_forms_have_one_length(tmp_path: Path, told: Told, version: str) -> None:
    cards = {"Jo": person("Jo", OWN, version=version)}
    with start_converting(md5_etags=False, told=told) as server, home_on(server, tmp_path, cards) as at:
        assert at.loop.counts()["parked"] == 1
        assert server.get_card("Jo.vcf", STORED) == cards["Jo"]
        assert at.wire.methods()["PUT"] == 0


def test_one_bad_answer_of_a_server_like_cyrus_holds_a_card_for_a_day(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN, version="4.0")}
    with start_converting(md5_etags=False, told=Told.TRUTH) as server, home_on(server, tmp_path, cards) as at:
        bad = iter([Response(500)])
        at.wire.before = lambda request: next(bad, None) if b"addressbook-query" in request.body else None
        assert at.loop.counts()["parked"] == 1
        assert at.loop.counts(after=HOUR)["asked"] == 0
        assert at.loop.counts(after=DAY)["asked"] == 1


def test_an_edit_between_the_proof_and_its_end_is_not_overwritten(tmp_path: Path) -> None:
    """The card becomes a 4.0 card with a picture after it was listed as 3.0."""
    edited = person("Jo", OWN, PHOTO["4.0"], version="4.0")
    with (
        start_converting(md5_etags=False, told=Told.TRUTH) as server,
        home_on(server, tmp_path, {"Jo": person("Jo", OWN)}) as at,
    ):
        seen: list[bytes] = []

        def edit(request: Request) -> None:
            if b"addressbook-query" in request.body:
                seen.append(request.body)
                if len(seen) == 2:
                    server.put_card("Jo.vcf", edited)

        at.wire.before = edit
        at.loop.cycle()
        assert server.get_card("Jo.vcf", STORED) == edited


def test_what_is_typed_into_a_question_of_a_card_that_moved_in_our_write_stays(home: Make) -> None:
    """Another client deletes the card and makes it anew under another name before we see that our write came."""
    at = home()
    reads = iter(range(9))

    def move(request: Request) -> None:
        if request.method == "GET" and request.path.endswith("/Jo.vcf") and next(reads) == 1:
            moved = at.server.get_card("Jo.vcf")
            assert b"still VP Sales at Acme" in moved
            at.server.delete_card("Jo.vcf")
            at.server.put_card("moved.vcf", moved.replace(b"still VP Sales at", b"still VP Sales of tea at"))

    at.wire.before = move
    at.loop.cycle()
    at.loop.cycle(after=HOUR)
    for _ in range(3):
        at.loop.cycle(after=DAY)
    note = note_of(at.server.get_card("moved.vcf")) or ""
    assert "of tea" in note
    assert "VIPcheck" not in note


def test_a_write_that_never_came_before_its_card_moved_counts_as_no_question(home: Make) -> None:
    at = home()
    calls = iter(range(9))

    def move(request: Request) -> Response | None:
        if request.method == "PUT" and next(calls) == 0:
            card = at.server.get_card("Jo.vcf")
            at.server.delete_card("Jo.vcf")
            at.server.put_card("moved.vcf", card)
            return Response(503)
        return None

    at.wire.before = move
    at.loop.cycle()
    for _ in range(2):
        at.loop.cycle(after=DAY)
    assert [each.standing for each in at.loop.questions("Jo")] == [True]
    assert "VIPcheck" in (note_of(at.server.get_card("moved.vcf")) or "")
