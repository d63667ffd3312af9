"""Sequences laid out as trees: every token sees its own way from the root, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.models.token_tree import NO_PARENT, TokenTree, lay_out
from distill_fixtures.models.tokens import EncodedRequest


def request_of(*sequences: tuple[int, ...], scored: tuple[int, ...]) -> EncodedRequest:
    return EncodedRequest("q", sequences, scored, truncated=False)


def seen_by(tree: TokenTree, node: int) -> list[int]:
    """The nodes that one may look at, in order."""
    if node < tree.trunk:
        return list(range(node + 1))
    return np.flatnonzero(tree.branch_sight[node - tree.trunk]).tolist()


def test_by_hand() -> None:
    # Context 1 2 3; options 4 5 6, 4 7, 8. The last token of each is a target only.
    tree = lay_out(request_of((1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 7), (1, 2, 3, 8), scored=(3, 2, 1)))
    assert tree.ids.tolist() == [1, 2, 3, 4, 5]
    assert tree.trunk == 3
    assert tree.positions.tolist() == [0, 1, 2, 3, 4]
    assert tree.parents.tolist() == [NO_PARENT, 0, 1, 2, 3]
    read = list(zip(tree.sources.tolist(), tree.targets.tolist(), strict=True))
    # 4 after the context is read once for the two options that begin with it.
    assert read == [(2, 4), (3, 5), (4, 6), (3, 7), (2, 8)]
    assert tree.options == ((0, 1, 2), (0, 3), (4,))
    assert tree.sums([-1.0, -2.0, -4.0, -8.0, -16.0]) == [-7.0, -9.0, -16.0]
    assert tree.keys_seen == 1 + 2 + 3 + 4 + 5


def test_a_branch_does_not_see_its_neighbour() -> None:
    tree = lay_out(request_of((1, 2, 5, 6), (1, 3, 5, 7), scored=(2, 2)))
    assert tree.ids.tolist() == [1, 2, 5, 3, 5]
    assert [seen_by(tree, node) for node in range(5)] == [[0], [0, 1], [0, 1, 2], [0, 3], [0, 3, 4]]


def test_sequences_that_were_cut_differently_have_a_root_each() -> None:
    tree = lay_out(request_of((2, 3, 9), (3, 9, 8), scored=(1, 1)))
    assert tree.trunk == 0
    assert tree.parents.tolist() == [NO_PARENT, 0, NO_PARENT, 2]
    assert [seen_by(tree, node) for node in range(4)] == [[0], [0, 1], [2], [2, 3]]


def test_one_token_of_context_and_of_option() -> None:
    tree = lay_out(request_of((1, 2), scored=(1,)))
    assert (tree.ids.tolist(), tree.trunk, tree.options) == ([1], 1, ((0,),))
    assert tree.branch_sight.shape == (0, 1)


def test_branches_stand_together_whatever_the_order_of_the_options() -> None:
    tree = lay_out(request_of((1, 4, 5, 0), (1, 8, 0), (1, 4, 6, 0), scored=(1, 1, 1)))
    assert tree.ids.tolist() == [1, 4, 5, 6, 8]
    assert tree.branch_groups(1) == [(1, 4), (4, 5)]
    assert tree.branch_groups(4) == [(1, 5)]
    assert [tree.targets[places[0]] for places in tree.options] == [0, 0, 0]
    assert [int(tree.sources[places[0]]) for places in tree.options] == [2, 4, 3]


@st.composite
def requests(draw: st.DrawFn) -> EncodedRequest:
    token = st.integers(0, 2)  # few, so that beginnings are shared often
    context = draw(st.lists(token, max_size=6))
    options = draw(st.lists(st.lists(token, min_size=1, max_size=5), min_size=1, max_size=6))
    cut = draw(st.integers(2, 12))
    sequences, scored = [], []
    for option in options:
        whole = [7, *context, *option]
        scored.append(min(len(option), cut - 1))
        sequences.append(tuple(whole[-cut:]))
    return EncodedRequest("q", tuple(sequences), tuple(scored), truncated=False)


@given(requests())
def test_every_scored_token_sees_its_own_sequence(request: EncodedRequest) -> None:
    tree = lay_out(request)
    for sequence, count, places in zip(
        request.sequences, request.scored, tree.options, strict=True
    ):
        for step, place in enumerate(places):
            end = len(sequence) - count + step
            source = int(tree.sources[place])
            assert tuple(tree.ids[seen_by(tree, source)].tolist()) == sequence[:end]
            assert tree.positions[source] == end - 1
            assert tree.targets[place] == sequence[end]


@given(requests(), st.integers(1, 12))
def test_groups_of_branches_see_the_trunk_and_themselves(
    request: EncodedRequest, at_least: int
) -> None:
    tree = lay_out(request)
    groups = tree.branch_groups(at_least)
    covered = [node for first, end in groups for node in range(first, end)]
    assert covered == list(range(tree.trunk, len(tree)))
    for first, end in groups:
        for node in range(first, end):
            assert all(seen < tree.trunk or first <= seen < end for seen in seen_by(tree, node))
    assert all(end - first >= at_least for first, end in groups[:-1])


@given(requests())
def test_nothing_stands_twice(request: EncodedRequest) -> None:
    tree = lay_out(request)
    beginnings = {ids[:end] for ids in request.sequences for end in range(1, len(ids))}
    assert len(tree) == len(beginnings)
    assert tree.keys_seen == sum(len(beginning) for beginning in beginnings)
    assert all(parent < node for node, parent in enumerate(tree.parents.tolist()))
    reads = set(zip(tree.sources.tolist(), tree.targets.tolist(), strict=True))
    assert len(reads) == len(tree.sources)


@pytest.mark.parametrize("count", [1, 3])
def test_sums_add_in_the_order_of_the_tokens(count: int) -> None:
    tree = lay_out(request_of((1, *range(2, 2 + count)), scored=(count,)))
    assert tree.sums([0.5] * count) == [0.5 * count]
