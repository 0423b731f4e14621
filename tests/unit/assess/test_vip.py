from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.judge import policy_for
from cardsync.model import Group
from cardsync.policy import GroupPolicy, GuardPolicy, Stratum
from cardsync.pull import vip
from cardsync.pull.vip import CardMembership, existing, vips


def group(name: str, *members: str, key: str = "g1") -> Group:
    return Group(uid_key=key, name=name, members=frozenset(members))


def cards(*keys: str) -> list[CardMembership]:
    return [CardMembership(uid_key=key) for key in keys]


def test_members_of_a_group_card_are_vips_whatever_the_case_and_form_of_its_name() -> None:
    assert vips(["VIP"], [group(" vip ", "a")], cards("a", "b"), "Contacts") == {"a": ("VIP",)}
    assert vips(["Café"], [group("CAFE\u0301", "a")], cards("a"), "Contacts") == {"a": ("Café",)}


def test_an_unknown_member_and_the_group_itself_are_left_out() -> None:
    assert vips(["VIP"], [group("VIP", "a", "ghost", "g1")], cards("a", "g1"), "Contacts") == {"a": ("VIP",)}


def test_a_member_of_another_group_is_no_vip() -> None:
    assert vips(["VIP"], [group("VIPs", "a")], cards("a"), "Contacts") == {}


def test_two_group_cards_of_one_name_count_together() -> None:
    assert set(vips(["VIP"], [group("VIP", "a"), group("Vip", "b", key="g2")], cards("a", "b"), "x")) == {"a", "b"}


def test_categories_and_the_books_own_name_make_vips_too() -> None:
    board = CardMembership(uid_key="a", categories=("Friends", "board "))
    assert vips(["VIP", "Board"], [], [board, *cards("b")], "Contacts") == {"a": ("Board",)}
    assert vips(["VIP", "Board"], [group("X", key="g9")], [board, *cards("b", "g9")], "vip") == {
        "a": ("VIP", "Board"),
        "b": ("VIP",),
    }


def test_which_groups_exist_names_each_once_in_its_own_spelling() -> None:
    found = existing(
        [group("Work"), group("work", key="g2")], [CardMembership(uid_key="a", categories=("Böard",))], "C"
    )
    assert found == ("Böard", "C", "Work")


def lost(before: frozenset[str], after: frozenset[str], *, vanished: bool = False) -> bool:
    """By the guards that the config has of itself."""
    guards = GuardPolicy()
    return vip.lost(before, after, share=guards.vip_loss_share, minimum=guards.vip_loss_min, vanished=vanished)


def members(count: int) -> frozenset[str]:
    return frozenset(map(str, range(count)))


def test_a_loss_is_an_accident_above_thirty_percent_and_from_three() -> None:
    assert not lost(members(10), members(7))  # exactly 30 %
    assert lost(members(10), members(6))
    assert not lost(members(4), members(2))  # half, but only two: an ordinary edit
    assert lost(members(3), members(0))
    assert not lost(members(100), members(97))


def test_a_group_card_that_is_gone_is_an_accident_at_any_size() -> None:
    assert lost(members(1), members(0), vanished=True)
    assert not lost(members(2), members(0))
    assert not lost(members(0), members(0), vanished=True)


def test_replaced_members_count_as_lost_though_the_number_stays() -> None:
    assert lost(members(10), frozenset("abcdefghij"))


@given(st.frozensets(st.integers().map(str)), st.frozensets(st.integers().map(str)))
def test_nobody_lost_is_never_an_accident(before: frozenset[str], new: frozenset[str]) -> None:
    assert not lost(before, before | new)
    assert not lost(before, before | new, vanished=True)


def test_the_heaviest_group_of_a_person_decides() -> None:
    stratum = Stratum(name="general", median_years=4.0)
    policies = {
        name: GroupPolicy(name=name, weight=weight, stratum=stratum, ask_above=0.2)
        for name, weight in (("VIP", 1.0), ("Board", 2.0), ("Club", 2.0))
    }
    assert policy_for(("VIP", "Board", "Club"), policies).name == "Board"
    assert policy_for(("VIP",), policies).name == "VIP"
