"""Every error talkbench raises on purpose, in one tree.

TalkbenchError          one line for the user: what was found, what was expected, what to do
├── UsageError          a wrong name, key, value or combination in a command or a configuration
│   └── UnsetError      a setting that has no default was not given
├── VideoError          an input video that cannot be read as one exact sequence of frames
├── StreamError         a stream that is damaged, or made for another decoder
├── CodecError          an encoder or decoder that failed, or returned the wrong number of frames
├── AssetError          a weight file or sample clip that is missing or not the declared one
├── MetricError         a metric that does not apply to a clip, or found no number for it
└── StoreError          a results folder that cannot be used
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def printable(text: str) -> str:
    """A text on one line that any encoding of Unicode can carry.

    A file's name may hold line breaks, commands to a terminal, and bytes that are no text at all.
    """
    lost = "\N{REPLACEMENT CHARACTER}"
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else lost for sign in text)


class TalkbenchError(Exception):
    """Base of all errors whose message is meant for the user, without a traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class UsageError(TalkbenchError):
    """The request itself is wrong; nothing was started."""


class UnsetError(UsageError):
    """A setting without a default is missing: nothing is wrong with the machine, or with what was given."""


class VideoError(TalkbenchError):
    """The input is not a video that can be read exactly."""


class StreamError(TalkbenchError):
    """The stream is corrupt, truncated, or not for this decoder."""


class CodecError(TalkbenchError):
    """An encoder or decoder failed."""


class AssetError(TalkbenchError):
    """A declared file could not be had, or is not the declared one."""


class MetricError(TalkbenchError):
    """A metric does not apply to a clip, or has no number for it."""


class StoreError(TalkbenchError):
    """A results folder cannot be read or written."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not there, with the nearest names that are."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
    return UsageError(f"unknown {kind} '{name}'; {hint}")
