"""Pairs of clips of two people: who is shown, and whose motion it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.errors import UsageError
from ..core.signature import digest
from ..core.video import Clip, Frames, Sound, Source, block_length, first_frame


@dataclass(frozen=True)
class WhileBoth(Source):
    """A clip's frames for as long as another clip has frames too.

    Attributes:
        clip: whose frames they are.
        other: as many frames as this one has are given at most.
    """

    clip: Clip
    other: Clip

    def frames(self) -> Iterator[Frames]:
        yield from self.clip.first(sum(map(len, self.other.frames()))).frames()

    def sound(self) -> Sound | None:
        return self.clip.sound()

    def fingerprint(self) -> str:
        return digest([self.clip.sha256, self.other.sha256])


@dataclass(frozen=True)
class Standing(Source):
    """A clip's first picture, again and again; the very same block each time, so that it is looked at once.

    It has no end: it stands beside a clip that has one.
    """

    clip: Clip

    def frames(self) -> Iterator[Frames]:
        picture = first_frame(self.clip)
        length = block_length(self.clip.width, self.clip.height)
        still = np.broadcast_to(picture, (length, *picture.shape)).copy()
        while True:
            yield still

    def fingerprint(self) -> str:
        return digest(["standing", self.clip.sha256])


@dataclass(frozen=True)
class Pair(Clip):
    """The driving clip of a pair, as long as both clips have frames.

    Attributes:
        portrait: the clip whose first picture is to move so; its identity is the pair's.
        driving: name of the clip that moves it.
    """

    portrait: Clip | None = None
    driving: str = ""

    @property
    def shown(self) -> Clip:
        """The clip of the person who is shown."""
        assert self.portrait is not None
        return self.portrait

    @property
    def still(self) -> Clip:
        """The first picture of the person who is shown, for as long as it is asked for."""
        return replace(self.shown, source=Standing(self.shown), limit=None)


def pair(shown: Clip, driving: Clip) -> Pair:
    """One clip's first picture, and another clip that is to move it.

    Raises:
        UsageError: their pictures differ in size.
    """
    if (shown.width, shown.height) != (driving.width, driving.height):
        raise UsageError(
            f"clips '{shown.name}' and '{driving.name}' are {shown.width}x{shown.height} and "
            f"{driving.width}x{driving.height}; pairs need one size, such as --size 256"
        )
    return Pair(
        name=f"{shown.name}-by-{driving.name}",
        source=WhileBoth(driving, shown),
        width=driving.width,
        height=driving.height,
        fps=driving.fps,
        identity=shown.identity,
        portrait=shown,
        driving=driving.name,
    )


def draw_pairs(clips: Sequence[Clip], drivers: int, seed: int) -> list[Pair]:
    """Pairs of clips of different people, every clip shown and driving about equally often.

    The clips are put into a random circle; each is driven by those that follow it and show others. A clip
    that states no identity is taken for a person of its own.

    Args:
        clips: readable ones.
        drivers: clips that drive each picture; fewer where there are no more.
        seed: the same seed and clips give the same pairs.

    Raises:
        UsageError: there are not two people.
    """
    person = {clip.name: clip.identity or clip.name for clip in clips}
    people = set(person.values())
    if len(people) < 2:
        raise UsageError(
            f"{len(clips)} clip(s) of {len(people)} person(s) found, clips of two people at least are needed "
            "to give one the motion of another; use more clips (--clips) or another data set"
        )
    circle = [clips[place] for place in np.random.default_rng(seed).permutation(len(clips))]
    pairs = []
    for place, shown in enumerate(circle):
        following = [*circle[place + 1 :], *circle[:place]]
        others = [clip for clip in following if person[clip.name] != person[shown.name]]
        pairs += [pair(shown, driving) for driving in others[:drivers]]
    order = {clip.name: place for place, clip in enumerate(clips)}
    return sorted(pairs, key=lambda one: order[one.shown.name])
