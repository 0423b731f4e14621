"""LinkedIn's own export: files in a folder, as LinkedIn, spreadsheets and accidents make them."""

import csv
import io
import os
import tracemalloc
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardsync.evidence.connections import Row, Unreadable, rows
from cardsync.evidence.linkedin_export import LinkedInExport, LinkedInOptions, profile_of
from cardsync.model import EvidenceKind, Says, WorkField
from cardsync.sources import Consulted, Need, SourceFailed, Subject
from replay import SAMPLES, answering

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
EXPORTED = datetime(2026, 11, 20, 17, tzinfo=UTC)
RECORDED = (SAMPLES / "linkedin_Connections.csv").read_bytes()
HEADER = "First Name,Last Name,URL,Email Address,Company,Position,Connected On"
JANE = Subject(id=1, values={Need.ORGANISATION: ("Oldco GmbH",), Need.URL: ("https://de.linkedin.com/in/JaneDoe/",)})
MAX = Subject(id=2, values={Need.ORGANISATION: ("Oldco",), Need.WORK_EMAIL: ("Max@oldco.example",)})


def drop(folder: Path, name: str, data: bytes, at: datetime = EXPORTED) -> Path:
    path = folder / name
    path.write_bytes(data)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def zipped(data: bytes, member: str = "Connections.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Profile.csv", "First Name\n")
        archive.writestr(member, data)
    return out.getvalue()


def damaged(data: bytes) -> bytes:
    """The compressed bytes of the export turned over, the directory whole."""
    at = data.index(b"Connections.csv") + 20
    return data[:at] + bytes(255 - byte for byte in data[at : at + 20]) + data[at + 20 :]


async def looked(
    folder: Path, *subjects: Subject, cursor: Mapping[str, Any] | None = None, now: datetime = NOW
) -> Consulted:
    with answering({}, ()) as web:
        found = await LinkedInExport(LinkedInOptions(folder=folder)).look(subjects, cursor or {}, web, now)
        assert web.server.requests == []  # nothing leaves
        return found


async def test_a_row_with_another_company_differs_as_of_the_export(tmp_path: Path) -> None:
    drop(tmp_path, "Connections.csv", RECORDED)
    found = await looked(tmp_path, JANE)
    ((contact, said),) = found.evidence
    assert contact == 1
    assert (said.kind, said.says, said.suggested) == (EvidenceKind.ROW, Says.DIFFERS, "Newco GmbH")
    assert (said.likelihood_ratio, said.match, said.claim) == (25, 0.99, WorkField.ORGANISATION)
    assert said.asserted_at == EXPORTED
    assert said.stored == "Oldco GmbH"


async def test_an_address_finds_its_row_where_no_profile_is_known_and_the_same_company_agrees(tmp_path: Path) -> None:
    drop(tmp_path, "Connections.csv", RECORDED)
    ((contact, said),) = (await looked(tmp_path, MAX)).evidence
    assert contact == 2
    assert (said.says, said.likelihood_ratio, said.match) == (Says.AGREES, 0.39, 0.97)


async def test_a_name_alone_finds_no_row(tmp_path: Path) -> None:
    drop(tmp_path, "Connections.csv", RECORDED)
    namesake = Subject(id=3, values={Need.NAME: ("Jane Doe",), Need.ORGANISATION: ("Oldco",), Need.URL: ()})
    assert (await looked(tmp_path, namesake)).evidence == []


async def test_an_address_does_not_outdo_another_profile(tmp_path: Path) -> None:
    drop(tmp_path, "Connections.csv", RECORDED)
    other = {**MAX.values, Need.URL: ("https://www.linkedin.com/in/another-max",)}
    assert (await looked(tmp_path, Subject(id=2, values=other))).evidence == []


@pytest.mark.parametrize(
    "member", ["Connections.csv", "Basic_LinkedInDataExport_11-20-2026/Connections.csv", "connections.CSV"]
)
async def test_the_zip_is_read_as_it_comes(tmp_path: Path, member: str) -> None:
    drop(tmp_path, "Basic_LinkedInDataExport_11-20-2026.zip", zipped(RECORDED, member))
    assert len((await looked(tmp_path, JANE, MAX)).evidence) == 2


async def test_an_unchanged_file_is_not_read_again_but_for_a_card_that_changed(tmp_path: Path) -> None:
    path = drop(tmp_path, "Connections.csv", RECORDED)
    first = await looked(tmp_path, JANE)
    path.write_bytes(b"x" * len(RECORDED))  # of the same size and date, so nobody would know
    os.utime(path, (EXPORTED.timestamp(), EXPORTED.timestamp()))
    again = await looked(tmp_path, JANE, cursor=first.cursor)
    assert (again.evidence, again.cursor) == ((), first.cursor)
    with pytest.raises(SourceFailed):
        await looked(tmp_path, JANE, MAX, cursor=first.cursor)


async def test_the_newest_file_counts(tmp_path: Path) -> None:
    drop(tmp_path, "Connections.csv", RECORDED, EXPORTED - timedelta(days=90))
    newer = f"{HEADER}\nJane,Doe,https://www.linkedin.com/in/janedoe,,Thirdco,CEO,26 Jul 2019\n"
    drop(tmp_path, "Connections (1).csv", newer.encode())
    drop(tmp_path, "holiday.zip", zipped(b"", "photo.jpg"), EXPORTED + timedelta(days=1))
    drop(tmp_path, "notes.csv", b"mine", EXPORTED + timedelta(days=1))
    assert [said.suggested for _, said in (await looked(tmp_path, JANE)).evidence] == ["Thirdco"]


async def test_a_file_from_the_future_is_of_today(tmp_path: Path) -> None:
    drop(tmp_path, "Connections.csv", RECORDED, NOW + timedelta(days=400))
    assert [said.asserted_at for _, said in (await looked(tmp_path, JANE)).evidence] == [NOW]


async def test_a_folder_that_was_emptied_says_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    found = await looked(tmp_path, JANE, cursor={"seen": "x"})
    assert (found.evidence, found.cursor) == ((), {"seen": "x"})


@pytest.mark.parametrize("cursor", [{}, {"seen": ""}, {"other": 1}])
async def test_a_folder_without_any_export_is_told(tmp_path: Path, cursor: dict[str, Any]) -> None:
    drop(tmp_path, "holiday.zip", zipped(b"", "photo.jpg"))
    drop(tmp_path, "notes.csv", b"mine")
    with pytest.raises(SourceFailed, match=r"no Connections\.csv"):
        await looked(tmp_path, JANE, cursor=cursor)


async def test_a_zip_that_cannot_be_read_is_told_where_nothing_else_can_be(tmp_path: Path) -> None:
    drop(tmp_path, "export.zip", zipped(RECORDED)[:-30])
    for cursor in ({}, {"seen": "x"}):
        with pytest.raises(SourceFailed, match=r"export\.zip cannot be used.* Download it once more"):
            await looked(tmp_path, JANE, cursor=cursor)
    drop(tmp_path, "Connections.csv", RECORDED, EXPORTED - timedelta(days=90))
    assert (await looked(tmp_path, JANE)).evidence


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="folder"):
        await looked(tmp_path / "nowhere", JANE)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("Connections.csv", b""),
        ("Connections.csv", b"Vorname,Nachname,URL\nJane,Doe,x\n"),
        ("Connections.csv", b"First Name,Last Name,Company\nJane,Doe,Secretco\n"),
        ("Connections.csv", f'{HEADER}\n"Jane,{"x" * 200_000}'.encode()),
        ("Connections.csv", b"\xff\xfeF"),
        ("Connections.csv", b"\n" * 60 + HEADER.encode()),
        ("export.zip", damaged(zipped(RECORDED))),
        ("export.zip", zipped(b"\0" * 40_000_000)),
    ],
    ids=["empty", "german", "columns", "quote", "utf-16", "late-header", "damaged", "bomb"],
)
async def test_a_file_that_cannot_be_used_is_named_without_its_contents(tmp_path: Path, name: str, data: bytes) -> None:
    drop(tmp_path, name, data)
    with pytest.raises(SourceFailed, match=name) as failed:
        await looked(tmp_path, JANE)
    assert "Secretco" not in str(failed.value)
    assert str(tmp_path) not in str(failed.value)


async def test_a_bomb_is_not_unfolded(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("Connections.csv", "w") as member:
        for _ in range(30):
            member.write(bytes(10_000_000))
    drop(tmp_path, "export.zip", out.getvalue())
    tracemalloc.start()
    try:
        with pytest.raises(SourceFailed, match="larger"):
            await looked(tmp_path, JANE)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


async def test_of_two_rows_of_one_contact_the_first_counts(tmp_path: Path) -> None:
    jane = "Jane,Doe,https://www.linkedin.com/in/janedoe,,{},CEO,26 Jul 2019"
    drop(tmp_path, "Connections.csv", "\n".join([HEADER, jane.format("Thirdco"), jane.format("Fourthco")]).encode())
    assert [said.suggested for _, said in (await looked(tmp_path, JANE)).evidence] == ["Thirdco"]


async def test_thirty_thousand_rows_are_read(tmp_path: Path) -> None:
    lines = [f"A,B,https://www.linkedin.com/in/a{i},a{i}@b.example,Company {i},X,26 Jul 2019" for i in range(30_000)]
    drop(tmp_path, "Connections.csv", "\r\n".join([HEADER, *lines]).encode())
    last = {Need.ORGANISATION: ("Oldco",), Need.URL: ("https://linkedin.com/in/a29999",)}
    assert [said.suggested for _, said in (await looked(tmp_path, Subject(id=1, values=last))).evidence] == [
        "Company 29999"
    ]


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_spreadsheet_makes_of_it_is_read_as_well(encoding: str, delimiter: str, end: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(HEADER.split(","))
    writer.writerow(["Jö", "Doe", "https://www.linkedin.com/in/j%C3%B6", "", 'Müller, "Söhne"; GmbH', "CTO", ""])
    data = ("Notes:" + end + '"Some text, over' + end + 'two lines"' + end + end + out.getvalue()).encode(encoding)
    assert list(rows(data)) == [
        Row(url="https://www.linkedin.com/in/j%C3%B6", email="", company='Müller, "Söhne"; GmbH')
    ]


def test_columns_may_come_in_any_order_and_rows_may_be_short() -> None:
    data = b"First Name,Company,Email Address,URL\nJane\nMax,Oldco,m@x.example,u,more,and more\n"
    assert list(rows(data)) == [Row(url="", email="", company=""), Row(url="u", email="m@x.example", company="Oldco")]


@pytest.mark.parametrize(
    ("url", "profile"),
    [
        ("https://www.linkedin.com/in/janedoe", "janedoe"),
        ("http://de.linkedin.com/in/JaneDoe/de", "janedoe"),
        ("linkedin.com/in/j%C3%B6", "jö"),
        ("linkedin.com/in/jo\u0308", "jö"),
        ("https://www.linkedin.com/company/acme", ""),
        ("https://www.linkedin.com/in/", ""),
        ("https://linkedin.com.evil.example/in/janedoe", ""),
    ],
)
def test_a_profile_is_known_by_its_name_in_the_url(url: str, profile: str) -> None:
    assert profile_of(url) == profile


_VALUES = st.text(max_size=15) | st.sampled_from(
    [
        "https://www.linkedin.com/in/janedoe",
        "janedoe",
        "max@oldco.example",
        "MAX@OLDCO.EXAMPLE",
        "Newco",
        "\ufeff",
        '"',
        "\0",
    ]
)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"{HEADER}\n{text}".encode("utf-8", "replace")))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    try:
        list(rows(data))
    except Unreadable as why:
        assert str(why)


@given(st.lists(st.lists(_VALUES, min_size=7, max_size=7), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_only_rows_with_a_contact_s_own_key_say_anything_of_her(tmp_path: Path, table: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([HEADER.split(","), *table])
    drop(tmp_path, "Connections.csv", out.getvalue().encode("utf-8", "replace"))
    found = await looked(tmp_path, JANE, MAX)
    for contact, said in found.evidence:
        mine = [
            row
            for row in table
            if (contact == 1 and "/in/janedoe" in row[2])
            or (contact == 2 and row[3].strip().lower() == "max@oldco.example")
        ]
        assert mine
        assert said.stored == {1: "Oldco GmbH", 2: "Oldco"}[contact]
    assert len({contact for contact, _ in found.evidence}) == len(found.evidence)
