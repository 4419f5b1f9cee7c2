"""Lips and sound, by SyncNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import ffmpeg
from ..core.errors import AssetError, MetricError
from ..core.face_landmarks import settings as face_settings
from ..core.metric import Column, PictureMetric, Scorer, Scores, Shape, Values, check_block
from ..core.metric import pooled_present as present
from ..core.shared_assets import FACE_LANDMARKER
from ..core.video import SOUND_RATE, Frames
from . import face_tracks, mfcc, syncnet
from .lip_sync import DETECTOR, FEWEST, SHIFTS, Lips, Match, Original, match

COLUMNS = ("sync", "sync_distance", "sync_offset", "sync_reference", "sync_miss", "sync_unseen")


class Sync(PictureMetric):
    """Do the lips move as the clip sounds? SyncNet's confidence (the higher, the surer).

    SyncNet turns 5 frames of the face, and the sound during them (20 windows of 13 MFCC), into 1024 numbers
    each. Their Euclidean distance is averaged over a clip's windows, the sound shifted by -15 to 15 frames.
    sync is the median of these 31 means less the smallest (LSE-C of later papers), sync_distance the smallest
    (LSE-D, lower is better), sync_offset the shift at which it is found: frames by which the sound leads.
    sync_reference is the original's own confidence: what there was to keep. For transfer the sound is the
    driving clip's. The face is cropped as in the published pipeline: its box, smoothed by a median of 13
    frames, .4 wider on either side and .8 lower, 224 pixels, missed frames in between interpolated (24 at
    most); windows in which a frame has no box are left out. Boxes are those of MediaPipe's mesh of the
    largest face, not S3FD's, and nothing is compressed on the way, so values differ a little from published
    ones. No value below 31 windows, at other rates than 25 frames per second, or where nothing is heard. The
    window that begins with frame 0 is left out unless run.count_first is set. sync_miss is the share of
    frames whose reference has a face in which the decoded one has none, and sync_unseen the share in which
    the reference has none. The weights, syncnet_v2.model (sha256 961e8696f888...), are on no package index
    and are never fetched: a message says where the file is to be put, and the signature which one was found.
    Source: Chung and Zisserman, ACCV workshops 2016; LSE: Prajwal et al., ACM Multimedia 2020.
    """

    name = "sync"
    direction = "higher"
    unit = ""
    source = f"{syncnet.SYNCNET_PAPER}; LSE-C and LSE-D: Prajwal et al., ACM Multimedia 2020"
    assets = (FACE_LANDMARKER,)
    by_hand = (syncnet.ADDRESS,)

    def __init__(self, *, count_first: bool = False) -> None:
        super().__init__(count_first=count_first)
        self._original: Original | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return COLUMNS

    def column(self, name: str) -> Column:
        return {
            "sync_distance": Column("", "lower"),
            "sync_offset": Column("frames", "lower", counts=True),
            "sync_reference": Column("", "higher", counts=True),
            "sync_miss": Column("share", "lower", counts=True),
            "sync_unseen": Column("share", "lower", counts=True),
        }.get(name) or super().column(name)

    def settings(self) -> Mapping[str, Any]:
        return {
            "network": "syncnet",
            "weights": syncnet.weights(),
            "shift": SHIFTS,
            "crop": face_tracks.SETTINGS,
            "sound": f"{SOUND_RATE}Hz,mono,{mfcc.SETTINGS}",
            "ffmpeg": ffmpeg.version(),
            **face_settings(),
        }

    def lacks(self) -> str:
        try:
            syncnet.check(self.name)
        except AssetError as error:
            return str(error)
        return ""

    def start(self, shape: Shape) -> Scorer:
        syncnet.check(self.name)
        if self._original is None or self._original.shape is not shape:
            self._original = Original(shape)
        return SyncScorer(self, self._original)


class SyncScorer(Scorer):
    """Holds the features of a clip's lips, and compares them with the sound when all are there."""

    def __init__(self, metric: Sync, original: Original) -> None:
        self.metric, self.original, self.lips = metric, original, Lips()

    def update(self, reference: Frames, decoded: Frames) -> None:
        check_block(self.original.shape, decoded)
        if len(reference) != len(decoded):
            raise MetricError(
                f"{len(decoded)} frames were decoded, {len(reference)} expected; decode all of them"
            )
        if not self.original.unfit:
            self.original.take(reference)
            self.lips.take(decoded)

    def finish(self) -> Scores:
        if self.original.unfit:
            return Scores({}, absent=dict.fromkeys(COLUMNS, self.original.unfit))
        seen, found = np.array(self.original.lips.found, bool), np.array(self.lips.found, bool)
        frames: dict[str, Values] = {
            "sync_miss": np.where(seen, ~found, np.nan),
            "sync_unseen": (~seen).astype(np.float64),
        }
        values, absent = {}, {}
        for column, shares in frames.items():
            there = present(shares, self.metric.count_first)
            if len(there):
                values[column] = float(there.mean())
            else:
                absent[column] = f"{DETECTOR} finds no face in any of the reference frames that count"
        heard, first = self.original.heard(len(found)), 0 if self.metric.count_first else 1
        windows = heard - syncnet.WINDOW  # the last one is left out, as in the published code
        if windows - first < FEWEST:
            reason = (
                f"{heard} frames with sound are too few to shift by {SHIFTS} either way; "
                f"score at least {FEWEST + first + syncnet.WINDOW}"
            )
            return Scores(values, frames, {**absent, **dict.fromkeys(COLUMNS[:4], reason)})
        sound, reference = self.original.features(windows)
        counts = slice(first, None)
        original = match(reference, sound, counts)
        own = match(self.lips.features(windows), sound, counts)
        if original is None:
            absent["sync_reference"] = _unfollowed("original", seen)
        else:
            values["sync_reference"] = float(np.nanmean(original.confidence[counts]))
        if own is None:
            absent |= dict.fromkeys(COLUMNS[:3], _unfollowed("decoded", found))
        else:
            values["sync"] = float(np.nanmean(own.confidence[counts]))
            values["sync_distance"] = float(np.nanmean(own.distances[counts]))
            values["sync_offset"] = float(own.offset)
            frames |= _by_frame(own, len(found))
        return Scores(values, frames, absent)


def _unfollowed(which: str, found: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    """Why there are too few windows."""
    if not found.any():
        return f"{DETECTOR} finds no face in any of the {len(found)} {which} frames"
    return (
        f"the {which} clip's face is found in {int(found.sum())} of {len(found)} frames, too scattered for "
        f"{FEWEST} windows of {syncnet.WINDOW}"
    )


def _by_frame(own: Match, frames: int) -> dict[str, Values]:
    """Values of windows as those of the frames in their middle."""
    columns = {"sync": own.confidence, "sync_distance": own.distances}
    middle = syncnet.WINDOW // 2
    return {
        name: np.pad(values, (middle, frames - middle - len(values)), constant_values=np.nan)
        for name, values in columns.items()
    }
