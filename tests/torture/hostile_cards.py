"""Hostile cards on the real loop and real servers, through the command line as its owner sees it.

Each is refused and listed with its reason, or asked about without harm; all other contacts go on; nothing of a card
reaches terminal, pipe, JSON or log raw; and ``notes remove`` leaves every card as it was, byte for byte.
"""

import json
import os
import pty
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import requests

import naive
from household import Household, household
from loop import person
from servers import Running
from servers.loopback import Request, Response
from torture.frame import Options, Report
from torture.hostile_shapes import ESCAPES, NAMES, Hostile, group, hostile

LARGE = 1_000_000  # bytes of the large cards in a long run; a photo of 8 MB, a note of 5 MB, 100,000 lines and members
CYCLES = 8  # each looks at twenty cards for its new questions
_BOOK = "Con\u202etacts\x9b31m"
_OTHERS = ("Ada", "Bo")
_CONFIG = (
    "[reminders]\nmax_new_per_day = 99\nmax_new_per_week = 99\nmax_open = 99\npast_labels = ['Check']",
    "[groups.VIP]",
)
_LOOKS = ("status", "vip", "explain", "history", "check")
_OF_ONE = ("explain", "history")
_COLOURS = re.compile(r"\x1b\[\d{0,2}(?:;\d{1,2})?m")  # what rich and click say themselves
_UNTOLD = {"adopted": "", "nul": ""}  # no problem at all; sabre/dav cuts a card at its NUL, so that it is no VIP's
_HARMLESS = "\n\r\t"
_INJECTED = re.compile(rb"(injected\.vcf</[^>]*href>.*?getetag[^>]*>)[^<]*", re.DOTALL)


def run(options: Options, report: Report) -> None:
    """All of them on each server."""
    for figure in _FIGURES:
        report.count(figure, 0)
    for server in options.servers:
        folder = options.folder / f"cards-{server.name}"
        folder.mkdir()
        on(server, folder, report, LARGE)


_FIGURES = (
    *("hostile_cards", "hostile_asked", "hostile_refused", "refused_by_server", "changed_by_server"),
    *("crashes", "harmed_cards", "wrong_outcomes", "others_left_out", "raw_output", "injected"),
)


def on(server: Running, folder: Path, report: Report, size: int, terminal: tuple[str, ...] = tuple(_LOOKS)) -> None:
    """One server; ``size`` is that of the large cards in bytes, ``terminal`` what is shown on a terminal, too."""
    with household(folder, server) as house:
        _Attack(house, report, f"hostile cards, {server.name}", hostile(size), terminal).run(size)


@dataclass(slots=True)
class _Attack:
    house: Household
    report: Report
    where: str
    cards: Mapping[str, Hostile]
    terminal: tuple[str, ...]
    shown: str = NAMES  # the UID of the contact to be explained
    changed: set[str] = field(default_factory=set)  # what the server made another card of

    def run(self, size: int) -> None:
        self.house.configure(*_CONFIG)
        sent = self._put(size)
        self._see("sync", "--dry-run")
        for _ in range(CYCLES):
            done = self._see("--log-level", "debug", "sync")
            if "asked 0" in done:
                break
        self._check_outcomes(sent)
        for look in _LOOKS:
            arguments = (look, self.shown) if look in _OF_ONE else (look,)
            self._see(*arguments)
            self._see_json(*arguments)
            if look in self.terminal:
                self._see_on_a_terminal(*arguments)
        self._inject()
        self._see("notes", "remove", "--dry-run")
        self._see("notes", "remove")
        for uid, before in sent.items():
            after = self.house.server.get_card(_name(uid))
            same = naive.note(after) == naive.note(before) if uid in self.changed else after == before
            if not same and self._kept_block(uid):
                self.report.fail("harmed_cards", f"{self.where}: {uid!r} is not as it was after notes remove")
        self._check_files()

    def _kept_block(self, uid: str) -> bool:
        """Whether the card has to be as it was sent: of a block that stood on it one goes."""
        return uid not in self.cards or self.cards[uid].reason != "adopted"

    def _put(self, size: int) -> dict[str, bytes]:
        """What the server took, as it serves it, by UID."""
        kept = {}
        others = {uid: person(uid, "hi") for uid in _OTHERS}
        for uid, card in {**{uid: one.card for uid, one in self.cards.items()}, **others}.items():
            self.report.count("hostile_cards", uid in self.cards)
            try:
                self.house.server.put_card(_name(uid), card)
                served = self.house.server.get_card(_name(uid))
            except requests.HTTPError:
                self.report.count("refused_by_server")
                self.shown = _OTHERS[0] if uid == NAMES else self.shown
                with suppress(requests.HTTPError):
                    self.house.server.delete_card(_name(uid))
                continue
            kept[uid] = served
            if served != card:
                self.changed.add(uid)
                self.report.count("changed_by_server")
        members = [*self.cards, *others]
        self.house.server.put_card("vip.vcf", group(members, size))
        self.house.server.put_card(
            "other.vcf", group([], 0).replace(b":VIP", f":Fri{ESCAPES}ends".encode()).replace(b"G-1", b"G-2")
        )
        return kept

    # ------------------------------------------------------------ what became of them

    def _check_outcomes(self, sent: Mapping[str, bytes]) -> None:
        rows = self.house.rows("SELECT href, reason, detail FROM problem WHERE href <> ''")
        problems = {href.rpartition("/")[2]: (reason, detail) for href, reason, detail in rows}
        for uid, before in sent.items():
            after = self.house.server.get_card(_name(uid))
            wanted = self.cards[uid].reason if uid in self.cards else ""
            reason, detail = problems.get(quote(_name(uid), safe=""), problems.get(_name(uid), ("", "")))
            if uid in self.changed:
                right = after == before or _rest(after) == (naive.note(before) or "")
            elif wanted:
                self.report.count("hostile_refused")
                right = after == before and reason in {wanted, _UNTOLD.get(wanted)} and bool(reason) == bool(detail)
            else:
                self.report.count("hostile_asked", uid in self.cards)
                right = not reason and _asked_without_harm(before, after)
            if not right:
                figure = "wrong_outcomes" if uid in self.cards else "others_left_out"
                self.report.fail(
                    figure, f"{self.where}: {uid!r} should be {wanted or 'asked'}, is {reason!r} {detail!r}"
                )

    def _check_files(self) -> None:
        """No file got its name or place from a card."""
        there = [path.relative_to(self.house.home) for path in self.house.home.rglob("*")]
        outside = list(self.house.home.parent.rglob("outside*"))
        if outside or not all(re.fullmatch(r"[\w./-]+", str(path)) for path in there):
            self.report.fail("wrong_outcomes", f"{self.where}: a file is named after a card")

    # ------------------------------------------------------------ what the owner sees

    def _see(self, *arguments: str) -> str:
        """Stdout and stderr of a command, piped."""
        done = self.house.cardsync(*arguments)
        crash = done.exception is not None and not isinstance(done.exception, SystemExit)
        if crash or "Traceback" in done.stderr or re.search("crashed|card left out", done.stderr):
            self.report.fail("crashes", f"{self.where}: cardsync {arguments}: {done.exception!r} {done.stderr[-300:]}")
        self._check_output(done.stdout + done.stderr, arguments)
        return str(done.stdout)

    def _see_json(self, *arguments: str) -> None:
        out = self._see(*arguments, "--json")
        try:
            json.loads(out)
        except ValueError as error:
            self.report.fail("raw_output", f"{self.where}: cardsync {arguments} --json: {error}")

    def _see_on_a_terminal(self, *arguments: str) -> None:
        text = "".join(_on_a_terminal(self.house.command(*arguments), self.house.env(COLUMNS="300", TERM="xterm")))
        self._check_output(_COLOURS.sub("", text), (*arguments, "on a terminal"))

    def _check_output(self, text: str, arguments: tuple[str, ...]) -> None:
        raw = {c for c in text if c not in _HARMLESS and unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}}
        if raw:
            self.report.fail("raw_output", f"{self.where}: cardsync {arguments} prints {sorted(map(ascii, raw))}")

    # ------------------------------------------------------------ an ETag of two lines

    def _inject(self) -> None:
        """A listing whose ETag would go on as a header field of our PUT, and no ETag with the card itself."""
        self.house.server.put_card("injected.vcf", person("injected", "hi"))
        self.house.server.put_card("vip.vcf", group([*self.cards, *_OTHERS, "injected"], 0))
        self.house.proxy.after = _with_two_lines
        self._see("sync")
        self._see("status", "--problems")
        self.house.proxy.after = lambda request, response: response
        asked = self.house.proxy.asked()
        if any("x-injected" in request.headers for request in asked) or any(
            request.method == "PUT" and "injected" in request.path for request in asked
        ):
            self.report.fail("injected", f"{self.where}: an ETag of two lines was sent")
        problem = self.house.rows("SELECT detail FROM problem WHERE href LIKE '%injected.vcf'")
        if not problem or "None" in problem[0][0]:
            self.report.fail("wrong_outcomes", f"{self.where}: an ETag of two lines is told of as {problem}")


def _with_two_lines(request: Request, response: Response) -> Response:
    headers = response.headers
    if request.path.endswith("injected.vcf") and request.method == "GET":
        headers = [(name, value) for name, value in headers if name.lower() != "etag"]
    body = response.body
    if response.status == HTTPStatus.MULTI_STATUS:
        body = _INJECTED.sub(rb'\1"a&#13;&#10;X-Injected: yes"', body)
    return Response(response.status, body, headers)


def _name(uid: str) -> str:
    """The resource name of a card; of the one with hostile values it is hostile too."""
    return f"n\u202e;\u200b {uid}.vcf" if uid == NAMES else re.sub(r"[^\w-]", "_", uid) + ".vcf"


def _asked_without_harm(before: bytes, after: bytes) -> bool:
    """The note is the question, an empty line and the owner's text; all else is as it was; to another reader."""
    block = (naive.note(after) or "").partition("\n\n")[0]
    question, *hint = block.split("\n")
    return (
        question.startswith("VIPcheck: ")
        and len(hint) == 1
        and len(block) < 600
        and not any(c == ";" or unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} for c in question + hint[0])
        and _rest(after) == (naive.note(before) or "")
        and naive.others(after) == naive.others(before)
    )


def _rest(card: bytes) -> str:
    """The note behind our block and the empty line."""
    return (naive.note(card) or "").partition("\n\n")[2]


def _on_a_terminal(command: list[str], env: Mapping[str, str]) -> Iterator[str]:
    """What a command writes onto a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(command, env=dict(env), stdin=subprocess.DEVNULL, stdout=its, stderr=its)
    os.close(its)
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        parts = []
        with suppress(OSError):  # the end of a terminal is an error
            while part := terminal.read(1 << 16):
                parts.append(part)
        process.wait(timeout=60)
    yield b"".join(parts).decode("utf-8", "replace")
