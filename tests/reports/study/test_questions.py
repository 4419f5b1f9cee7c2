"""The design of a study: what holds for every number of clips and comparisons."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.reports.study.manifest import Question
from talkbench.reports.study.questions import COUNTED, lay_out, token
from talkbench.reports.study.selection import ORIGINAL, Asked, Point

SECRET = "5ec2e7" * 8
OURS: Point = ("ours", "k20")
GOLD: Point = ("h264", "crf51")
sizes = st.tuples(st.integers(1, 30), st.integers(1, 6))
seeds = st.integers(0, 2**32)


def name(point: Point, clip: str) -> str:
    return token(SECRET, "video", *point, clip)


def study(clips: int, points: int, seed: int = 0, kind: str = "pair") -> tuple[list[Asked], list[Question]]:
    first = OURS if kind == "pair" else ORIGINAL
    names = [f"clip {number}" for number in range(clips)]
    asked = [Asked(clip, first, ("h264", f"crf{number}")) for number in range(points) for clip in names]
    return asked, lay_out(kind, asked, GOLD if kind == "pair" else ORIGINAL, names, name, seed, SECRET)


def by_hit(questions: list[Question]) -> list[list[Question]]:
    hits: dict[str, list[Question]] = {}
    for question in questions:
        hits.setdefault(question.hit, []).append(question)
    return list(hits.values())


def videos(question: Question) -> frozenset[str]:
    return frozenset((question.left.video, question.right.video))


@settings(max_examples=60, deadline=None)
@given(size=sizes, seed=seeds, kind=st.sampled_from(["pair", "rating"]))
def test_everything_is_asked_once_in_hits_of_one_length(size: tuple[int, int], seed: int, kind: str) -> None:
    asked, questions = study(*size, seed, kind)
    counted = [question for question in questions if question.kind == kind]
    assert Counter(map(videos, counted)) == Counter(
        frozenset((name(one.first, one.clip), name(one.second, one.clip))) for one in asked
    )
    hits = by_hit(questions)
    assert len({len(hit) for hit in hits}) == 1
    assert len(hits) == -(-len(asked) // COUNTED)
    for hit in hits:
        assert [question.slot for question in hit] == list(range(1, len(hit) + 1))
        kinds = Counter(question.kind for question in hit)
        assert kinds["gold"] == 1
        assert 1 <= kinds["repeat"] <= 2
    assert len({question.id for question in questions}) == len(questions)


@settings(max_examples=60, deadline=None)
@given(size=sizes, seed=seeds)
def test_sides_are_balanced_in_each_comparison_and_in_all(size: tuple[int, int], seed: int) -> None:
    _, questions = study(*size, seed)
    lead: Counter[str] = Counter()
    for question in questions:
        if question.kind == "pair":
            ours_left = question.left.method == "ours"
            lead[(question.right if ours_left else question.left).point] += 1 if ours_left else -1
    assert all(abs(difference) <= 1 for difference in lead.values())
    assert abs(sum(lead.values())) <= 1
    gold = Counter(question.winner for question in questions if question.kind == "gold")
    assert abs(gold["left"] - gold["right"]) <= 1


@settings(max_examples=60, deadline=None)
@given(size=sizes, seed=seeds)
def test_gold_shows_the_original_where_it_says_and_repeats_swap_sides(
    size: tuple[int, int], seed: int
) -> None:
    for hit in by_hit(study(*size, seed)[1]):
        by_id = {question.id: question for question in hit}
        for question in hit:
            if question.kind == "gold":
                winner, loser = question.left, question.right
                if question.winner == "right":
                    winner, loser = loser, winner
                assert (winner.method, winner.point) == ORIGINAL
                assert (loser.method, loser.point) == GOLD
            if question.kind == "repeat":
                first = by_id[question.repeats]
                assert first.kind == "pair"
                assert first.slot < question.slot
                assert (first.left, first.right) == (question.right, question.left)


def test_a_repeat_is_not_right_after_its_first_time() -> None:
    gaps = []
    for hit in by_hit(study(60, 3)[1]):
        by_id = {question.id: question for question in hit}
        gaps += [one.slot - by_id[one.repeats].slot for one in hit if one.kind == "repeat"]
    assert min(gaps) >= 3


def test_a_hit_shows_a_clip_once_where_there_are_clips_enough() -> None:
    for hit in by_hit(study(40, 5)[1]):
        clips = Counter(question.clip for question in hit if question.kind != "repeat")
        assert max(clips.values()) == 1


def test_gold_is_spread_over_the_clips() -> None:
    gold = Counter(question.clip for question in study(25, 6)[1] if question.kind == "gold")
    assert sum(gold.values()) == 19
    assert max(gold.values()) == 1


def test_a_rating_shows_the_original_left_and_gold_is_the_original_twice() -> None:
    _, questions = study(9, 2, kind="rating")
    assert {question.left.method for question in questions} == {"reference"}
    gold = [question for question in questions if question.kind == "gold"]
    assert [(one.right, one.winner) for one in gold] == [(one.left, "") for one in gold]
    by_id = {question.id: question for question in questions}
    repeats = [question for question in questions if question.kind == "repeat"]
    assert repeats
    assert all(one.right == by_id[one.repeats].right for one in repeats)


def test_pictures_are_of_whom_the_rated_shows_and_of_the_original_in_gold() -> None:
    asked = [Asked(f"clip {number}", ORIGINAL, OURS) for number in range(9)]
    clips = [one.clip for one in asked]
    questions = lay_out("rating", asked, ORIGINAL, clips, name, 0, SECRET, pictured=True)
    for question in questions:
        which = "own" if question.kind == "gold" else "shown"
        assert question.picture == name(("picture", which), question.clip)


def test_the_seed_decides_and_nothing_else() -> None:
    assert study(9, 3, 5)[1] == study(9, 3, 5)[1]
    one, other = ([videos(question) for question in study(9, 3, seed)[1]] for seed in (5, 6))
    assert one != other


@given(what=st.tuples(st.text(), st.text()), other=st.tuples(st.text(), st.text()))
def test_names_tell_nothing_and_differ(what: tuple[str, str], other: tuple[str, str]) -> None:
    found = token(SECRET, "video", *what)
    assert found[0] == "v"
    assert len(found) == 25
    assert found != token("00" * 24, "video", *what)
    assert (found == token(SECRET, "video", *other)) == (what == other)
