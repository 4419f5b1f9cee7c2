from __future__ import annotations

import io

import pytest
from talkbench.benchmarks import sealed
from talkbench.core.errors import CodecError, StreamError, UsageError
from talkbench.core.points import Point
from talkbench.core.video import Clip


def odd_point(way: str) -> Point:
    return Point("odd", way, {"way": way})


def stream_of(clip: Clip) -> bytes:
    return odd_point("well").build().encode(clip)


@pytest.mark.usefixtures("odd")
class TestOddDecoders:
    def test_a_good_one_gives_the_promised_frames(self, testcard: Clip) -> None:
        pixels = io.BytesIO()
        with sealed.SealedDecoder() as decoder:
            decoded = decoder.decode(odd_point("well"), stream_of(testcard), pixels)
        assert (decoded.frames, decoded.height, decoded.width) == (12, 64, 64)
        assert pixels.getvalue() == bytes(12 * 64 * 64 * 3)
        assert decoded.seconds >= 0

    @pytest.mark.parametrize(
        ("way", "words"),
        [
            ("decode-crashes", "ended with code 7"),
            ("decode-raises", "KeyError"),
            ("too-few", "11 frames, the header says 12"),
            ("endless", "24 or more"),
            ("wrong-size", "64x66"),
        ],
    )
    def test_a_bad_one_is_an_error_and_the_next_stream_is_served(
        self, testcard: Clip, way: str, words: str
    ) -> None:
        with sealed.SealedDecoder() as decoder:
            with pytest.raises(CodecError, match=words):
                decoder.decode(odd_point(way), stream_of(testcard))
            assert decoder.decode(odd_point("well"), stream_of(testcard)).frames == 12

    def test_silence_ends_it(self, testcard: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sealed, "SILENCE_SECONDS", 2.0)
        with sealed.SealedDecoder() as decoder, pytest.raises(CodecError, match="nothing for 2 s"):
            decoder.decode(odd_point("hangs"), stream_of(testcard))

    def test_what_a_decoder_prints_is_not_taken_for_frames(self, testcard: Clip) -> None:
        with sealed.SealedDecoder() as decoder:
            assert decoder.decode(odd_point("prints"), stream_of(testcard)).frames == 12

    def test_it_sits_in_an_empty_folder(self, testcard: Clip) -> None:
        with sealed.SealedDecoder() as decoder:
            assert decoder.decode(odd_point("peeks"), stream_of(testcard)).frames == 12


def test_the_decoder_is_told_bytes_and_settings_and_nothing_else(
    testcard: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(
        sealed.SealedDecoder, "_send", lambda self, request, stream: sent.append((request, stream))
    )
    monkeypatch.setattr(sealed.SealedDecoder, "_read", lambda self, length: memoryview(b"D"[:length]))
    stream = Point("freeze", "x", _freeze()).build().encode(testcard)
    with sealed.SealedDecoder() as decoder, pytest.raises(Exception):  # noqa: B017, PT011
        decoder.decode(Point("freeze", "x", _freeze()), stream)
    assert sent == [({"method": "freeze", "settings": _freeze()}, stream)]


def _freeze() -> dict[str, object]:
    from talkbench.core.config import compose
    from talkbench.core.points import points

    config = compose(["freeze"], "testcard", "compression", [])
    return dict(points("freeze", config["methods"]["freeze"])[0].settings)


def test_a_damaged_stream_and_an_unknown_method_keep_their_kind_of_error(testcard: Clip) -> None:
    with sealed.SealedDecoder() as decoder:
        with pytest.raises(StreamError):
            decoder.decode(Point("freeze", "x", _freeze()), b"TKB\x01nonsense")
        stream = Point("freeze", "x", _freeze()).build().encode(testcard)
        with pytest.raises(UsageError, match="did you mean freeze"):
            decoder.decode(Point("freze", "x", {}), stream)
