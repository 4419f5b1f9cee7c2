"""What `ours` sends for a frame at each of its operating points."""

from ..neural_codec import PREDICTIVE, Sent

POINTS = {
    "adaptive": Sent(adaptive=True),
    "k20": Sent(keypoints=20),
    "k15": Sent(keypoints=15),
    "k10": Sent(keypoints=10),
    **PREDICTIVE,
}

STEPS = 0.5, 1 / 128, 1 / 256
"""Of angles in degrees, and of translation and deformations in half pictures, at `predictive`."""
