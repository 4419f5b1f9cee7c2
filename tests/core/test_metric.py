"""What counts in a clip's value: frames without a value are no error, but none is ever made up."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import MetricError
from talkbench.core.metric import counted, pooled, pooled_present
from talkbench.core.registry import load

NAN, INFINITY = float("nan"), float("inf")


def test_frames_without_a_value_are_left_to_those_that_have_one() -> None:
    values = np.array([9.0, NAN, 1.0, 3.0])
    assert pooled_present(values, False).tolist() == [1.0, 3.0]
    assert pooled_present(values, True).tolist() == [9.0, 1.0, 3.0]
    assert len(counted(values, False)) == 3


def test_no_frame_with_a_value_leaves_nothing_to_pool() -> None:
    assert pooled_present(np.array([1.0, NAN]), False).tolist() == []


@pytest.mark.parametrize("pool", [pooled, pooled_present, counted])
def test_no_frame_that_counts_is_an_error(pool) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MetricError, match=r"1 frames were scored and frame 0 does not count"):
        pool(np.array([1.0]), False)


def test_infinity_is_never_a_value_and_nan_is_one_only_where_frames_may_lack_it() -> None:
    with pytest.raises(MetricError, match="frame 1 has the value inf, expected a finite number"):
        pooled_present(np.array([1.0, INFINITY, NAN]), False)
    with pytest.raises(MetricError, match="frame 2 has the value nan, expected a finite number"):
        pooled(np.array([1.0, 1.0, NAN]), False)


def test_a_column_is_read_as_its_metric() -> None:
    psnr = load("metrics", "psnr")()
    assert vars(psnr.column("psnr")) == {"unit": "dB", "direction": "higher", "counts": False}
