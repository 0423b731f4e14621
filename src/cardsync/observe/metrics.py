"""Figures as Prometheus reads them: counts, times and shares, nobody's name.

Account and source names are those of the config.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily

BOUNDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the distribution of P(stale)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfAccount:
    """``synced_at``: when a cycle last ended well.  ``questions`` by state; ``stale`` is P(stale) of each VIP."""

    well: bool
    synced_at: datetime | None
    contacts: int
    vips: int
    questions: Mapping[str, int]
    stale: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSource:
    """Requests of this month, and how many there may be."""

    well: bool
    used: int
    monthly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is told; ``problems`` by kind, ``lasted`` is the newest cycle's in seconds."""

    version: str
    well: bool
    cycles: int
    ended_at: datetime | None
    lasted: float | None
    problems: Mapping[str, int]
    accounts: Mapping[str, OfAccount]
    sources: Mapping[str, OfSource]


def exposition(facts: Facts) -> bytes:
    """The text format, version 0.0.4, with the process's own figures."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collected([*_general(facts), *_of_accounts(facts.accounts), *_of_sources(facts.sources)]))
    return generate_latest(registry)


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, eq=False)  # the registry hashes it
class _Collected:
    metrics: Sequence[Metric]

    def collect(self) -> Iterator[Metric]:
        yield from self.metrics


def _general(facts: Facts) -> Iterator[Metric]:
    info = GaugeMetricFamily("cardsync_info", "The version that runs.", labels=["version"])
    info.add_metric([facts.version], 1)
    yield info
    yield GaugeMetricFamily("cardsync_up", "Whether cycles begin as planned.", value=float(facts.well))
    yield CounterMetricFamily("cardsync_cycles", "Cycles that ended.", value=facts.cycles)
    if facts.ended_at and facts.lasted is not None:
        yield GaugeMetricFamily(
            "cardsync_last_cycle_timestamp_seconds", "When the last cycle ended.", value=facts.ended_at.timestamp()
        )
        yield GaugeMetricFamily("cardsync_last_cycle_duration_seconds", "How long it took.", value=facts.lasted)
    problems = GaugeMetricFamily("cardsync_problems", "What waits for the owner, by kind.", labels=["kind"])
    for kind, count in facts.problems.items():
        problems.add_metric([kind], count)
    yield problems


def _of_accounts(accounts: Mapping[str, OfAccount]) -> Iterator[Metric]:
    label = ["account"]
    up = GaugeMetricFamily("cardsync_account_up", "Whether nothing of the account waits for the owner.", labels=label)
    synced = GaugeMetricFamily(
        "cardsync_account_synced_timestamp_seconds", "When a cycle of the account last ended well.", labels=label
    )
    contacts = GaugeMetricFamily("cardsync_contacts", "Contacts in the mirror.", labels=label)
    vips = GaugeMetricFamily("cardsync_vips", "VIPs.", labels=label)
    questions = GaugeMetricFamily(
        "cardsync_questions", "Questions ever written, by how they ended; open ones too.", labels=[*label, "state"]
    )
    stale = GaugeHistogramMetricFamily(
        "cardsync_vip_stale_probability", "P(the work details are out of date) of the VIPs.", labels=label
    )
    for name, of in accounts.items():
        up.add_metric([name], float(of.well))
        if of.synced_at:
            synced.add_metric([name], of.synced_at.timestamp())
        contacts.add_metric([name], of.contacts)
        vips.add_metric([name], of.vips)
        for state, count in of.questions.items():
            questions.add_metric([name, state], count)
        stale.add_metric([name], _buckets(of.stale), sum(of.stale))
    yield from (up, synced, contacts, vips, questions, stale)


def _buckets(values: Sequence[float]) -> list[tuple[str, float]]:
    below = [(str(bound), float(sum(value <= bound for value in values))) for bound in BOUNDS]
    return [*below, ("+Inf", float(len(values)))]


def _of_sources(sources: Mapping[str, OfSource]) -> Iterator[Metric]:
    label = ["source"]
    up = GaugeMetricFamily("cardsync_source_up", "Whether the source's last run went well.", labels=label)
    used = GaugeMetricFamily("cardsync_source_requests_this_month", "Requests to others, this month.", labels=label)
    monthly = GaugeMetricFamily("cardsync_source_requests_a_month", "How many there may be.", labels=label)
    for name, of in sources.items():
        up.add_metric([name], float(of.well))
        used.add_metric([name], of.used)
        monthly.add_metric([name], of.monthly)
    yield from (up, used, monthly)
