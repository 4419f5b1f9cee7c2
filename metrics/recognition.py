"""Whether people are told apart by what a model keeps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import MetricError
from ..core.metric import Metric, Scores, Values
from . import dlib_landmarks
from .dlib_landmarks import DLIB_LANDMARKS, DLIB_PAPER


@dataclass(frozen=True)
class Described:
    """Pictures as points of a space.

    Attributes:
        gallery: (n, d), of known people.
        people: whom each of them shows.
        probes: (m, d), of the person who is to be recognised; a row of NaN where nothing was found.
    """

    gallery: NDArray[np.float64]
    people: Sequence[str]
    probes: NDArray[np.float64]


def nearest_is(described: Described, person: str) -> Values:
    """Whether the nearest known picture (Euclidean) of each probe shows that person: (m,), 1 or 0.

    A probe in which nothing was found is not recognised; known pictures with NaN are passed over.

    Raises:
        MetricError: no known picture is left.
    """
    kept = np.asarray(~np.isnan(described.gallery).any(1))
    if not kept.any():
        raise MetricError("nothing was found in any known picture; choose clips that show faces")
    from sklearn.neighbors import KNeighborsClassifier

    known = KNeighborsClassifier(n_neighbors=1).fit(
        described.gallery[kept], np.asarray(described.people)[kept]
    )
    hits = np.zeros(len(described.probes))
    found = np.asarray(~np.isnan(described.probes).any(1))
    if found.any():
        hits[found] = known.predict(described.probes[found]) == person
    return hits


class Recognition(Metric):
    """Share of pictures recognised by their nearest neighbour among known pictures of all people.

    recognition takes the method's canonical keypoints, which should know of a face its shape alone, not its
    pose or expression; recognition_landmarks dlib's 68 landmarks in pixels, and recognition_chance is one
    in the number of people. Distances are Euclidean; a picture in which dlib finds no face is not
    recognised. The benchmark `recognition` says which pictures are known: where those of one clip stand on
    both sides, a head that has hardly moved is easily recognised, and figures are far above the paper's.
    Frame 0 counts like every other.
    Source: Wang et al., CVPR 2021, appendix B.6.
    """

    name = "recognition"
    direction = "higher"
    unit = "share"
    source = f"Wang et al., CVPR 2021, appendix B.6; landmarks: {DLIB_PAPER}"
    assets = (DLIB_LANDMARKS,)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("recognition", "recognition_landmarks", "recognition_chance")

    def settings(self) -> Mapping[str, Any]:
        return {"classifier": "1-nn-euclidean", **dlib_landmarks.settings()}

    def compare(self, keypoints: Described, landmarks: Described, person: str) -> Scores:
        """The values of one person's probes.

        Args:
            keypoints, landmarks: of the same pictures.
            person: who the probes show.

        Raises:
            MetricError: there is no probe, or no known picture has keypoints.
        """
        if not len(keypoints.probes):
            raise MetricError("there is no picture to recognise; use longer clips")
        frames = {"recognition": nearest_is(keypoints, person)}
        chance = 1 / len(set(keypoints.people))
        values = {"recognition": float(frames["recognition"].mean()), "recognition_chance": chance}
        if np.isnan(landmarks.gallery).any(1).all():
            return Scores(
                values, frames, {"recognition_landmarks": "dlib finds no face in the known pictures"}
            )
        frames["recognition_landmarks"] = nearest_is(landmarks, person)
        return Scores(
            values | {"recognition_landmarks": float(frames["recognition_landmarks"].mean())}, frames
        )
