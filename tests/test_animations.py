"""Animations: as many pictures as announced, that move with the data and repeat byte by byte."""

import numpy as np
import pytest
from PIL import Image
from test_figures import SONG, analysis, replay
from test_rls_figures import RATES, UNITS, made

from simcore import animations


def frames(path):
    with Image.open(path) as gif:
        for number in range(gif.n_frames):
            gif.seek(number)
            yield np.asarray(gif.convert("L"), int)


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    monkeypatch.setattr(animations, "FRAMES", 6)


@pytest.mark.parametrize("shown", [replay(), SONG], ids=["symbols", "song"])
def test_a_pass_moves(tmp_path, shown):
    for name in ("first", "second"):
        animations.save(animations.clock(shown, analysis(shown), "abc"), tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    pictures = list(frames(tmp_path / "first"))
    assert len(pictures) == 6
    # The ring is to the left, curves or images that grow to the right.
    for half in (np.s_[:, :240], np.s_[:, 240:]):
        moved = [
            np.abs(a[half] - b[half]).sum() for a, b in zip(pictures, pictures[1:], strict=False)
        ]
        assert min(moved) > 0
    ink = [(picture[:, 240:] < 200).sum() for picture in pictures]
    assert ink == sorted(ink) and ink[-1] > ink[0]
    assert pictures[0][0, 0] == 255


def test_a_replay_without_a_pass_says_so(tmp_path):
    silent = analysis(replay())
    silent = silent.isel(pass_abc=slice(0, 0))
    animations.save(animations.clock(replay(), silent, "abc"), tmp_path / "a.gif")
    assert len(list(frames(tmp_path / "a.gif"))) == 1


FEW = made({"target": {"followers": 2, "others": {"train": "drive"}}})[1]


@pytest.mark.parametrize(
    "shown", [made()[1], made(RATES)[1], UNITS, FEW], ids=["drive", "rate", "units", "few"]
)
def test_a_trial_moves(tmp_path, shown):
    animations.save(animations.least_squares(shown), tmp_path / "a.gif")
    pictures = list(frames(tmp_path / "a.gif"))
    assert len(pictures) == 6
    for half in (np.s_[:, :240], np.s_[:, 240:]):
        moved = [
            np.abs(a[half] - b[half]).sum() for a, b in zip(pictures, pictures[1:], strict=False)
        ]
        assert np.count_nonzero(moved) >= 3  # nothing follows before the window
