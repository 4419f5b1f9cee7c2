"""Who is it? People told apart by a method's canonical keypoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.dataset import whole
from ..core.errors import UsageError, VideoError
from ..core.method import Animator, Method
from ..core.metric import Metric, Scores
from ..core.signature import digest
from ..core.video import Clip, Frames
from ..metrics import dlib_landmarks
from ..metrics import recognition as classifier
from .recipe import Recipe

Vectors = NDArray[np.float64]
"""Pictures as points of a space: (n, d), a row of NaN where nothing was found."""

_seen: dict[str, Vectors] = {}
"""What this process has found in pictures, by clip and by what looked at them: a few numbers a picture."""


@dataclass(frozen=True)
class Known:
    """A clip by which a person is known; of a person with one clip, its first third alone."""

    person: str
    clip: Clip
    part: str


@dataclass(frozen=True)
class Lineup(Clip):
    """A clip, or the last third of one, that shows somebody who is to be recognised.

    Attributes:
        person: who that is.
        part: `all` or `last` third.
        known: of each person a clip, that person's among them.
    """

    person: str = ""
    part: str = "all"
    known: tuple[Known, ...] = ()

    @property
    def sha256(self) -> str:
        known = [(one.person, one.clip.sha256, one.part) for one in self.known]
        return digest([super().sha256, self.person, self.part, known])


class Recognition(Recipe):
    """Each picture is recognised by its nearest neighbour among known pictures of all people.

    Reproduces appendix B.6 of Wang et al., CVPR 2021: canonical keypoints, which should know a face's shape
    and neither its pose nor its expression, against dlib's landmarks and chance. There, one clip of each
    person is known and another one is to be recognised. Here that is done with people of whom the data set
    has several clips; of the others, the first third of their one clip is known and its last third is to be
    recognised. A head that has hardly moved in between is easily recognised, by landmarks most of all, so
    such figures say little of the paper's claim; the manifest tells which clips were parted so. No pictures
    are made and nothing is coded.

    Args:
        pictures: of each clip, or third of one, at most: the middles of equal stretches.
    """

    name = "recognition"
    coded = False
    pictured = False

    def __init__(self, pictures: int) -> None:
        self.pictures = whole("benchmark.pictures", pictures, 1)

    def clips(self, clips: Sequence[Clip], seed: int) -> Sequence[Clip]:
        person = {clip.name: clip.identity or clip.name for clip in clips}
        count = Counter(person.values())
        if len(count) < 2:
            raise UsageError(
                f"{len(clips)} clip(s) of {len(count)} person(s) found, two people at least are needed to be "
                "told apart; use more clips (--clips) or another data set"
            )
        first = {person[clip.name]: clip for clip in reversed(clips)}
        known = tuple(Known(who, first[who], "all" if count[who] > 1 else "first") for who in count)
        return [
            Lineup(
                clip.name, clip.source, clip.width, clip.height, clip.fps, clip.identity, clip.limit,
                person=person[clip.name], part="all" if count[person[clip.name]] > 1 else "last", known=known,
            )
            for clip in clips
            if count[person[clip.name]] == 1 or clip is not first[person[clip.name]]
        ]  # fmt: skip

    def lacks(self, method: Method) -> str:
        able = isinstance(method, Animator)
        if able and type(method).canonical_keypoints is not Animator.canonical_keypoints:  # type: ignore[attr-defined]
            return ""
        return f"{method.name} has no canonical keypoints that a person could be known by"

    def measure(self, method: Method, clip: Clip, metrics: Mapping[str, Metric]) -> Mapping[str, Scores]:
        assert isinstance(method, Animator)
        assert isinstance(clip, Lineup)
        describe = dict(method.describe())
        keypoints = self._described(clip, [method.name, describe], lambda frames: _keypoints(method, frames))
        landmarks = self._described(clip, ["dlib"], _landmarks)
        return {
            name: metric.compare(keypoints, landmarks, clip.person)
            for name, metric in metrics.items()
            if isinstance(metric, classifier.Recognition)
        }

    def _described(
        self, lineup: Lineup, who: Sequence[Any], look: Callable[[Frames], Vectors]
    ) -> classifier.Described:
        gallery, people = [], []
        for known in lineup.known:
            gallery.append(self._vectors(known.clip, known.part, who, look))
            people += [known.person] * len(gallery[-1])
        probes = self._vectors(lineup, lineup.part, who, look)
        return classifier.Described(np.concatenate(gallery), people, probes)

    def _vectors(
        self, clip: Clip, part: str, who: Sequence[Any], look: Callable[[Frames], Vectors]
    ) -> Vectors:
        key = digest([*who, clip.source.fingerprint(), clip.limit, part, self.pictures])
        if key not in _seen:
            _seen[key] = look(spread(clip, self.pictures, part))
        return _seen[key]

    def about(self, clip: Clip) -> Mapping[str, Any]:
        assert isinstance(clip, Lineup)
        known = next(one for one in clip.known if one.person == clip.person)
        return {
            "person": clip.person,
            "asked": "the clip" if clip.part == "all" else "its last third",
            "known_by": known.clip.name if known.part == "all" else "its first third",
        }


def _keypoints(method: Animator, frames: Frames) -> Vectors:
    return np.stack([np.asarray(method.canonical_keypoints(frame), np.float64).ravel() for frame in frames])


def _landmarks(frames: Frames) -> Vectors:
    found = dlib_landmarks.landmarks(frames)
    return np.stack([np.full(2 * 68, np.nan) if one is None else one.ravel() for one in found])


def spread(clip: Clip, pictures: int, part: str) -> Frames:
    """Pictures of a clip, (n, H, W, 3): the middles of equal stretches of a part of it.

    Args:
        clip: of at least three frames, if a third is asked for.
        pictures: how many, at most.
        part: `all`, `first` third or `last` third.

    Raises:
        VideoError: it has too few frames.
    """
    count = sum(map(len, clip.frames()))
    begin, end = {"all": (0, count), "first": (0, count // 3), "last": (count - count // 3, count)}[part]
    there = end - begin
    if there < 1:
        raise VideoError(
            f"clip '{clip.name}' has {count} frame(s), 3 at least are needed: one third to know, one to ask"
        )
    taken = min(pictures, there)
    wanted = set((begin + (2 * np.arange(taken) + 1) * there // (2 * taken)).tolist())
    found: list[Any] = []
    number = 0
    for block in clip.frames():
        found += [frame for place, frame in enumerate(block, number) if place in wanted]
        number += len(block)
    return np.stack(found)
