"""How fast assessing works: ``python bench/assess.py`` prints the CPU time for 1,000 VIPs against its limit."""

import time
from datetime import UTC, datetime, timedelta

from cardsync.assess.ask import question
from cardsync.assess.fuse import assess
from cardsync.model import Contact, ContactKind, FieldMemory, Memory, WorkField
from cardsync.policy import STRATA, GroupPolicy, ReminderPolicy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LIMIT = 1.0  # s of CPU for 1,000 VIPs


def main() -> None:
    print(f"assess_1000_vips_cpu_ratio_to_limit = {cpu_of_assessing(1000) / LIMIT:.4f}")


def cpu_of_assessing(count: int) -> float:
    """Seconds of CPU for assessing, asking and ranking in a fresh process: imports and word lists included."""
    vips = [invented(n) for n in range(count)]
    policy = GroupPolicy(name="VIP", weight=1.0, stratum=STRATA["general"], ask_above=0.2)
    aliases = [[f"Globex {n}", f"Hooli {n}"] for n in range(10)]
    start = time.process_time()
    questions = []
    for contact, memory in vips:
        found = assess(contact, memory, policy, assumed_age=timedelta(days=365), aliases=aliases, now=NOW)
        if asked := question(contact, memory, found, policy, ReminderPolicy(), NOW):
            questions.append((contact.uid, asked))
    assert questions
    return time.process_time() - start


def invented(n: int) -> tuple[Contact, Memory]:
    """A VIP with an employer of its own; every third address is foreign, every fifth card is half-updated."""
    organisation = f"{chr(65 + n % 26)}{n:x} Dynamics & Sons GmbH"
    host = f"{organisation.split(maxsplit=1)[0].lower()}-dynamics" if n % 3 else f"initech{n}"
    work = {
        WorkField.ORGANISATION: (organisation,),
        WorkField.TITLE: (f"Head of Things {n}",),
        WorkField.EMAIL: (f"jo{n}@{host}.example",),
        WorkField.PHONE: ("+1 555 0100",),
        WorkField.URL: (f"https://www.{host}.example/team/{n}",),
    }
    seen = NOW - timedelta(days=400 + n % 300)
    fields = {which: FieldMemory(values=values, first_seen=seen) for which, values in work.items()}
    if n % 5 == 0:
        at = NOW - timedelta(days=20)
        fields[WorkField.ORGANISATION] = FieldMemory(
            values=(organisation,), first_seen=at, changed_at=at, previous=(f"Vandelay {n}",), validated_at=at
        )
    contact = Contact(uid=f"u{n}", name=f"Jo Ruiz {n}", given_name="Jo", kind=ContactKind.PERSON, work=work)
    return contact, Memory(first_seen=seen, fields=fields)


if __name__ == "__main__":
    main()
