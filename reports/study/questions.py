"""From what is asked to questions in HITs: who sees what, where, and in which order; all of it seeded."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from .manifest import PICTURE, Question, Shown
from .selection import ORIGINAL, Asked, Point

COUNTED = 8
"""Questions of a HIT that count, at most: with gold and repeat some five minutes of a worker's time."""
DIGITS = 24

VideoName = Callable[[Point, str], str]
"""Name of the video of a point (or ORIGINAL) and a clip."""
_Placed = tuple[str, Asked, bool]
"""Kind of a question, what it asks, and whether the second is on the left."""


def token(secret: str, kind: str, *what: str | int) -> str:
    """A name that tells nothing to those without the secret, and begins with a letter, so that it is text."""
    found = hmac.new(bytes.fromhex(secret), json.dumps([kind, *what]).encode(), hashlib.sha256)
    return kind[0] + found.hexdigest()[:DIGITS]


def lay_out(
    kind: str, asked: Sequence[Asked], gold: Point, gold_clips: Sequence[str], name: VideoName,
    seed: int, secret: str, pictured: bool = False,
) -> list[Question]:  # fmt: skip
    """Make a study's questions.

    What is asked is in one HIT only. A HIT shows no clip twice, but for the repeat, as far as there are clips
    and HITs enough. All HITs have the same number of questions. Each comparison shows its first on the left
    on half of its clips, give or take one, and the gold pairs the original in half of the HITs.

    Args:
        kind: ``pair`` or ``rating``.
        asked: at least one; no two alike.
        gold: obviously worse than the original; of ratings ORIGINAL, which is its own best copy.
        gold_clips: clips that gold can be of.
        name: of videos.
        seed: of every choice.
        secret: of the ids.
        pictured: whether ratings need a picture of the person.

    Returns:
        questions by HIT and slot.
    """
    draw = random.Random(seed)
    hands = _dealt(asked, draw)
    slots = max(map(len, hands)) + 2
    turned = _turned(asked, draw) if kind == "pair" else frozenset()
    gold_turned = _halves(len(hands), True, draw)
    used: Counter[str] = Counter()
    questions: list[Question] = []
    for number, hand in enumerate(hands):
        clip = _gold_clip(gold_clips, {one.clip for one in hand}, used, draw)
        placed: list[_Placed] = [(kind, one, one in turned) for one in hand]
        gold_asked = ("gold", Asked(clip, ORIGINAL, gold), gold_turned[number])
        placed.insert(draw.randint(0, len(placed)), gold_asked)
        _insert_repeats(placed, slots - len(placed), kind == "pair", draw)
        written = _written(placed, kind, token(secret, "hit", number), name, secret)
        questions += [_with_picture(one, name) if pictured else one for one in written]
    return questions


def _dealt(asked: Sequence[Asked], draw: random.Random) -> list[list[Asked]]:
    """Deal into hands that differ by one at most; what is asked of one clip goes to different hands."""
    by_clip: dict[str, list[Asked]] = {}
    for one in asked:
        by_clip.setdefault(one.clip, []).append(one)
    groups = list(by_clip.values())
    draw.shuffle(groups)
    for group in groups:
        draw.shuffle(group)
    row = [one for group in groups for one in group]
    count = math.ceil(len(row) / COUNTED)
    hands = [row[first::count] for first in range(count)]
    for hand in hands:
        draw.shuffle(hand)
    return hands


def _halves(count: int, odd: bool, draw: random.Random) -> list[bool]:
    """As many true as false, in random order; of an odd count one more is `odd`."""
    found = [odd if place % 2 == 0 else not odd for place in range(count)]
    draw.shuffle(found)
    return found


def _turned(asked: Sequence[Asked], draw: random.Random) -> frozenset[Asked]:
    """What is shown with its second on the left: half of each comparison, and half of all."""
    groups: dict[tuple[Point, Point], list[Asked]] = {}
    for one in asked:
        groups.setdefault((one.first, one.second), []).append(one)
    odd, found = bool(draw.getrandbits(1)), set[Asked]()
    for group in groups.values():
        found |= {one for one, turn in zip(group, _halves(len(group), odd, draw), strict=True) if turn}
        odd ^= len(group) % 2 == 1  # what one comparison has too many of, the next odd one has too few
    return frozenset(found)


def _gold_clip(clips: Sequence[str], shown: set[str], used: Counter[str], draw: random.Random) -> str:
    """The clip of a HIT's gold: one that the HIT does not show, and that has served least."""
    choices = [clip for clip in clips if clip not in shown] or list(clips)
    least = min(used[clip] for clip in choices)
    found = draw.choice([clip for clip in choices if used[clip] == least])
    used[found] += 1
    return found


def _insert_repeats(placed: list[_Placed], count: int, swap: bool, draw: random.Random) -> None:
    """Ask the first questions that count again, late in the HIT, and not right after the first time."""
    originals = [at for at, (kind, _, _) in enumerate(placed) if kind != "gold"][:count]
    for at, (_, one, turned) in [(at, placed[at]) for at in originals]:
        earliest = min(max(at + 2, 2 * len(placed) // 3), len(placed))
        placed.insert(draw.randint(earliest, len(placed)), ("repeat", one, turned != swap))


def _written(placed: Sequence[_Placed], kind: str, hit: str, name: VideoName, secret: str) -> list[Question]:
    """A HIT's questions, in order."""
    ids = [token(secret, "question", hit, slot) for slot in range(1, len(placed) + 1)]
    first_ids = {one: own for own, (what, one, _) in zip(ids, placed, strict=True) if what == kind}
    questions = []
    for slot, (own, (what, one, turned)) in enumerate(zip(ids, placed, strict=True), 1):
        sides = [Shown(*point, name(point, one.clip)) for point in (one.first, one.second)]
        left, right = reversed(sides) if turned else sides
        winner = ("right" if turned else "left") if what == "gold" and kind == "pair" else ""
        repeats = first_ids[one] if what == "repeat" else ""
        questions.append(Question(own, hit, slot, what, one.clip, left, right, winner, repeats))
    return questions


def _with_picture(question: Question, name: VideoName) -> Question:
    """A question with the person's picture: gold shows the original as its own copy, so its own person."""
    which = "own" if question.kind == "gold" else "shown"
    return replace(question, picture=name((PICTURE, which), question.clip))
