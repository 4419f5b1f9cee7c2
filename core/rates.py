"""The three accountings under which every rate is shown.

They are functions of chunk sizes alone and so treat all methods alike: the first picture of a
classical stream is its SOURCE just as the picture that a neural codec animates.

- ``motion``: source picture and container excluded; the accounting of Wang et al., CVPR 2021, sec. 5,
  applied here to every method (the paper itself counts H.264's first picture: for its comparison
  read a neural method's ``motion`` against a classical one's ``total``).
- ``total``: every byte of the file.
- ``amortised``: source picture and container are sent once a call and so are spread over a call of
  a stated length, in place of the clip's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

ACCOUNTINGS = ("motion", "total", "amortised")


def bytes_per_frame(
    sizes: Mapping[str, int], frames: int, fps: Fraction, call_seconds: float
) -> dict[str, float]:
    """Mean bytes a frame under each accounting.

    Args:
        sizes: bytes by kind of chunk, as `bitstream.sizes` gives them.
        frames: decoded frames, frame 0 included.
        fps: frames per second.
        call_seconds: length of the call that `amortised` spreads the source picture over.
    """
    total = sum(sizes.values())
    once = sizes["source"] + sizes["header"]
    moving = total - once
    return {
        "motion": moving / frames,
        "total": total / frames,
        "amortised": moving / frames + once / (call_seconds * float(fps)),
    }
