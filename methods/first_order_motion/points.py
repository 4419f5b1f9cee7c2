"""What `fomm` sends for a frame at each of its operating points."""

from ..neural_codec import PREDICTIVE, Sent

POINTS = {**PREDICTIVE, "fp16": Sent()}

STEPS = 1 / 128, 1 / 16
"""Of places in half pictures, and of Jacobians, at `predictive`: half a step of either moves a picture alike,
an eighth of it away from the keypoint."""
