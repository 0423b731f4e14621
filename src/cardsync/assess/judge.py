"""One card's assessment and the question that it is worth, under the owner's policies.  Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cardsync.assess.ask import question
from cardsync.assess.domains import Domains
from cardsync.assess.evidence import outside
from cardsync.assess.fuse import assess
from cardsync.assess.organisations import Aliases
from cardsync.model import Assessment, Contact, Memory, Question, Says
from cardsync.policy import GroupPolicy, ReminderPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Called with a card, what is remembered of it, and the groups that make it a VIP."""

    policies: Mapping[str, GroupPolicy]
    reminders: ReminderPolicy
    assumed_age: timedelta
    aliases: Aliases
    domains: Domains
    now: datetime
    pace: float = 1.0  # see ``survival.pace_of``
    sources: tuple[str, ...] | None = None  # those whose evidence counts; None: all

    def __call__(self, contact: Contact, memory: Memory, groups: tuple[str, ...]) -> tuple[Assessment, Question | None]:
        """The assessment, and the question or None."""
        policy = policy_for(groups, self.policies)
        if self.sources is not None and memory.evidence:
            counted = (each for each in memory.evidence if each.source in self.sources or each.says is Says.USED)
            memory = replace(memory, evidence=tuple(counted))
        found = assess(
            contact,
            memory,
            policy,
            assumed_age=self.assumed_age,
            aliases=self.aliases,
            domains=self.domains,
            evidence=outside(contact, memory, self.aliases, self.now),
            now=self.now,
            pace=self.pace,
        )
        return found, question(contact, memory, found, policy, self.reminders, self.now)

    def knows(self, groups: tuple[str, ...]) -> bool:
        """Whether the config has a policy for one of these groups (a frozen list may be of an older config)."""
        return any(name in self.policies for name in groups)


def policy_for(groups: Iterable[str], policies: Mapping[str, GroupPolicy]) -> GroupPolicy:
    """The policy of the heaviest of a VIP's groups; of equals the first.  Raises ``ValueError`` if none has one."""
    return max((policies[name] for name in groups if name in policies), key=lambda policy: policy.weight)
