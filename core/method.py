"""The contract of a codec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .assets import Asset
from .errors import UsageError
from .video import Clip, Frame, Frames


class Method(ABC):
    """One codec at one operating point; a CRF sweep is several of them.

    A subclass takes its settings as keyword arguments, by the names of its YAML. It is made anew in
    the decoding process, so all that the decoder needs is in the stream or in these settings.
    """

    name: ClassVar[str]
    """The method's name: its module's, its YAML's, and the one that its streams carry."""

    assets: ClassVar[tuple[Asset, ...]] = ()
    """Files that must be there before a run starts."""

    def check(self) -> None:  # noqa: B027  (most methods need nothing)
        """Look for what this method needs on this machine.

        Raises:
            UsageError: a setting is out of range, or a tool is missing; asked before a run starts.
        """

    @abstractmethod
    def encode(self, clip: Clip) -> bytes:
        """Code a clip.

        Args:
            clip: frames are (H, W, 3) uint8 RGB.

        Returns:
            a `.tkb` stream (core.bitstream).

        Raises:
            CodecError: the encoder failed or cannot code such a clip.
        """

    @abstractmethod
    def decode(self, stream: bytes) -> Iterator[Frames]:
        """Decode a stream; as many frames as its header says.

        Args:
            stream: what `encode` returned, in another process.

        Yields:
            blocks (t, H, W, 3) uint8 RGB.

        Raises:
            StreamError: the stream is damaged or for another decoder.
            CodecError: the decoder failed.
        """

    @abstractmethod
    def describe(self) -> Mapping[str, str]:
        """All that determines the result: settings, builds, hashes of weights."""

    def frame_bytes(self, stream: bytes) -> Sequence[int]:
        """What each frame added to a stream; empty, as here, where a codec cannot tell: one that codes all
        frames into one number, say.

        Args:
            stream: what `encode` returned.

        Returns:
            as many as the clip has frames, in coding order; they add up to the stream's length. Frame 0 bears
            source picture and container.

        Raises:
            StreamError: the stream is damaged or for another decoder.
        """
        return ()

    def size(self, width: int, height: int) -> Mapping[str, int]:
        """How large the method's networks are; empty, as here, where it has none or does not tell.

        Args:
            width, height: of the frames, in pixels.

        Returns:
            `parameters`: numbers that were learnt, of sender and receiver together; `macs`: the receiver's
            multiply-accumulate operations for one frame, in convolutions and matrix products, without what it
            computes once from the source picture.

        Raises:
            AssetError: the weights are missing, or not such weights.
        """
        return {}


class Animator(Method):
    """A codec whose model can also give a picture the motion of somebody else's clip."""

    @abstractmethod
    def animate(self, source: Frame, driving: Clip, relative: bool = False) -> Iterator[Frames]:
        """Move a picture as a clip moves; nothing is coded in between.

        Args:
            source: (H, W, 3) uint8 RGB: the face that is to move.
            driving: the motion that it takes; of any size.
            relative: take the motion since the clip's first frame, added to the source's own, in place of
                the clip's motion as it is. Both agree where the source is the clip's first frame.

        Yields:
            blocks (t, H, W, 3) uint8 RGB, one frame for each of the clip's, its first included.

        Raises:
            CodecError: the model finds nothing to animate.
        """

    def redirect(
        self, source: Frame, rotation: NDArray[np.floating], translation: NDArray[np.floating]
    ) -> Frame:
        """Turn and move the head in a picture; left as it is here by methods without a head pose.

        Args:
            source: (H, W, 3) uint8 RGB.
            rotation: (3, 3), applied after the head's own rotation: x to the right, y down, z away.
            translation: (3,) in halves of the picture's longer side, along the same axes.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            UsageError: the method has no head pose, or the rotation is none.
        """
        raise self._no_pose()

    def head_rotation(self, source: Frame) -> NDArray[np.floating]:
        """How the head in a picture is turned, as the method itself sees it.

        Args:
            source: (H, W, 3) uint8 RGB.

        Returns:
            (3, 3): its inverse, given to `redirect`, makes the head look straight ahead.

        Raises:
            UsageError: the method has no head pose.
        """
        raise self._no_pose()

    def canonical_keypoints(self, source: Frame) -> NDArray[np.floating]:
        """What the method knows of a face's shape, apart from its pose and expression.

        Args:
            source: (H, W, 3) uint8 RGB.

        Returns:
            (K, 3).

        Raises:
            UsageError: the method has no such keypoints.
        """
        raise UsageError(f"{self.name} has no canonical keypoints; choose a method that has: ours")

    def _no_pose(self) -> UsageError:
        return UsageError(f"{self.name} has no head pose that could be set; choose a method that has: ours")


@dataclass(frozen=True)
class TrainingTask:
    """What `bench train` is asked for.

    Attributes:
        data: folder of videos.
        out: folder of this training; what is there is gone on with.
        hours: stop after so long; 0 trains nothing and writes what decoding needs, `math.inf` goes on to the
            end of the schedule.
        start: weights to begin with, of this method; None begins with untrained networks.
        overrides: ``KEY=VALUE`` of the training's own settings.
    """

    data: Path
    out: Path
    hours: float
    start: Path | None
    overrides: Sequence[str]


class Trainable(Method):
    """A codec whose networks can be trained on this machine: an optional capability."""

    training_assets: ClassVar[tuple[Asset, ...]] = ()
    """Files that training needs; it fetches them itself."""

    @classmethod
    @abstractmethod
    def train(cls, task: TrainingTask, say: Callable[[str], None]) -> bool:
        """Train, or go on where an earlier call in the same folder stopped; then write what decoding needs.

        Args:
            task: what is asked for.
            say: told one line at a time how it goes.

        Returns:
            whether time or schedule came to their end; false if a signal asked to stop before.

        Raises:
            UsageError: a wrong setting, unusable data, or something to install.
            AssetError: a file that training needs cannot be had.
        """
