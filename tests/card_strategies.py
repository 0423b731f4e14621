"""Cards that are legal, and wild: every one of them must be accepted and come back unharmed."""

from hypothesis import strategies as st

TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from(" :;,\\n\t\"'^=äß日本🙂é\u2028\x85\x0b\x0c"), st.characters(codec="utf-8", min_codepoint=32)
    ),
    max_size=120,
)
BLOCK_LINE = st.text(
    alphabet=st.one_of(
        st.sampled_from(' ::,\\"n/?äß日🙂'), st.characters(codec="utf-8", min_codepoint=33, exclude_characters=";\x7f")
    ),
    max_size=100,
)
BLOCKS = st.lists(BLOCK_LINE, min_size=1, max_size=3).map(lambda lines: "\n".join(f"VIPcheck{line}" for line in lines))
HEADS = st.sampled_from(
    [
        "NOTE",
        "note",
        "item1.NOTE",
        "NOTE;LANGUAGE=de",
        'a-b.Note;X-P="a:b;c,d"',
        "NOTE;CHARSET=UTF-8",
        f"NOTE;X-LONG={'x' * 80}",
    ]
)
OTHERS = st.sampled_from(
    [
        "item1.X-ABLabel:_$!<Work>!$_",
        "TEL;TYPE=WORK:+1 555 0100",
        "X-NOTE:no note",
        'ADR;LABEL="a:b":;;x;;;;',
        "PHOTO;ENCODING=b:" + "QUJD" * 40,
    ]
)
NEWLINES = st.sampled_from([b"\r\n", b"\n"])


def escape(text: str) -> str:
    """Legal TEXT in which the user's bare commas stay bare."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "").replace("\0", "")
    return text.replace(";", "\\;")


@st.composite
def folded(draw: st.DrawFn, line: bytes, newline: bytes, *, after: int) -> bytes:
    """``line`` folded at any places behind ``after``: inside characters and escapes, before ``:`` and spaces, twice."""
    places = sorted(draw(st.lists(st.integers(after, len(line)), max_size=4)), reverse=True)
    for place in places:
        line = line[:place] + newline + draw(st.sampled_from([b" ", b"\t"])) + line[place:]
    return line


@st.composite
def notes(draw: st.DrawFn, newline: bytes) -> bytes:
    """A NOTE line."""
    head = draw(HEADS).encode() + b":"
    return draw(folded(head + escape(draw(TEXT)).encode(), newline, after=len(head)))


@st.composite
def cards(draw: st.DrawFn) -> bytes:
    """A card with none, one or several notes."""
    newline = draw(NEWLINES)
    lines = [draw(folded(line.encode(), newline, after=1)) for line in draw(st.lists(OTHERS, max_size=3))]
    for _ in range(draw(st.integers(0, 2))):
        lines.insert(draw(st.integers(0, len(lines))), draw(notes(newline)))
    start = [b"BEGIN:VCARD", b"VERSION:" + draw(st.sampled_from([b"3.0", b"4.0"])), b"N:Ruiz;Jo;;;", b"FN:Jo Ruiz"]
    end = [b"UID:3F2A-77", draw(st.sampled_from([b"END:VCARD", b"end:vcard", b"END:VCARD" + newline]))]
    return newline.join([*start, *lines, *end]) + draw(st.sampled_from([newline, b""]))
