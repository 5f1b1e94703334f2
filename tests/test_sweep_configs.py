"""The sweeps that ship: each place of each grid makes a study, each headline has a number."""

import math

import pytest
import yaml
from studies import ROOT

from simcore import sweeps
from simcore.parameters import read_study

NAMES = ("sweeps*", "side_by*", "paper/[ls]*")
FILES = sorted(file for name in NAMES for file in (ROOT / "config").glob(name))
EXPERIMENTS = yaml.safe_load((ROOT / "config/experiments.yaml").read_text())
STAGES = ("network", "training", "replay", "target", "learn", "measure")
CODES = dict.fromkeys((*STAGES, "rls_targets", "rls_training", "rls_replay"), "code")
MOST = 60  # points of a sweep that are planned here


def read(file):
    data = yaml.safe_load(file.read_text())
    return data, read_study(data, str(file), EXPERIMENTS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_all_sweeps_run_and_can_be_planned(file):
    data, study = read(file)
    assert set(study.sweeps.run) == set(study.sweeps.define)
    whole = ("sweeps", "methods", "expected", "expected_of")  # as workflow/rules/sweeps.smk
    varied = {key: value for key, value in data.items() if key not in whole}
    for name, sweep in study.sweeps.define.items():
        assert sweep.headlines and sweep.known, name
        total = math.prod(sweep.shape)
        some = range(0, total, max(total // MOST, 1))
        planned = sweeps.points(sweep, varied, CODES, name, experiments=EXPERIMENTS, only=some)
        assert len({point.key for point in planned}) == len(planned)


def test_paper_and_demo_have_the_same_sweeps_of_the_papers():
    demo, paper = (read(ROOT / f"config/{name}.yaml")[1] for name in ("sweeps", "sweeps_paper"))
    only_at_paper_scale = {"adaptation", "adding_more_clusters", "lost_links"}
    assert set(paper.sweeps.run) - only_at_paper_scale <= set(demo.sweeps.run)
    demo, paper = (
        read(ROOT / f"config/{name}.yaml")[1] for name in ("sweeps_rls", "sweeps_rls_paper")
    )
    assert set(paper.sweeps.run) - {"figure6_loops"} <= set(demo.sweeps.run)
    demo, paper = (
        read(ROOT / f"config/{name}.yaml")[1] for name in ("side_by_side", "side_by_side_paper")
    )
    assert demo.sweeps.compare == paper.sweeps.compare
