"""What is kept of a trained clock and of the points of a sweep comes back, or is refused."""

import numpy as np
import pytest
import xarray as xr

from simcore import datasets, kept, stages, stores, sweep_runs, sweeps
from simcore.errors import UserError
from simcore.parameters import read_study
from simcore.sweep_parameters import Sweep

STUDY = {
    "study": "small",
    "clock": {
        "clusters": 4,
        "cluster_size": 20,
        **{"balancing": 200, "balancing_static": 100, "embedding": 300, "consolidation": 100},
    },
    "replay": {"duration": 300},
}
STAGES = ("network", "training", "replay", "target", "learn", "measure")


def codes(code):
    return dict.fromkeys(STAGES, code)


def made(step, path, *inputs):
    """Make the store of a stage of the training as the workflow does."""
    function = getattr(stages, step.stage)
    named = {} if step.stage == "network" else {"name": step.name}
    dataset = function(step.given, step.seed, *inputs, **named)
    stores.write(
        dataset,
        path,
        stage=step.name,
        parameters=step.given,
        seed=step.seed,
        code_digest=step.code,
        inputs={},
        simulated_ms=dataset.attrs["simulated_ms"],
    )
    return stores.read(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Start network and embedding, and what is kept of the embedding."""
    folder = tmp_path_factory.mktemp("trained")
    steps = sweeps.training(read_study(STUDY, "here"), codes("new"))
    assert list(steps) == ["network", "embedding", "consolidation"]
    network = made(steps["network"], folder / "network.zarr.zip")
    embedding = made(steps["embedding"], folder / "embedding.zarr.zip", network)
    path = folder / "kept.zarr.zip"
    kept.keep_training(embedding, path, steps["embedding"].identity)
    return network, embedding, path


def test_a_kept_clock_comes_back_to_four_parts_in_a_thousand(trained):
    network, embedding, path = trained
    back = kept.training(path, "embedding", network)
    assert back.attrs["trained_by"] == "new"
    ours, theirs = map(datasets.read_connectivity, (back, embedding))
    for group in ("e_to_e", "i_to_e"):
        one, other = getattr(ours, group), getattr(theirs, group)
        np.testing.assert_array_equal(one.column, other.column)
        np.testing.assert_allclose(one.weight, other.weight, rtol=2**-8 + 2**-11)
        assert one.weight.dtype == other.weight.dtype
    for group in ("e_to_i", "i_to_i"):
        np.testing.assert_array_equal(getattr(ours, group).weight, getattr(theirs, group).weight)
    for name in set(kept.COURSE) - {"block_weight"}:
        xr.testing.assert_identical(back[name].variable, embedding[name].variable)
    block, expected = back["block_weight"], embedding["block_weight"]
    np.testing.assert_allclose(block, expected, rtol=2**-11)
    assert block.dtype == expected.dtype and block.attrs == expected.attrs


def test_it_is_smaller(trained, tmp_path):
    _, embedding, path = trained
    whole = tmp_path / "whole.zarr.zip"
    rest = {"stage": "x", "parameters": {}, "seed": 1, "code_digest": "", "inputs": {}}
    stores.write(embedding, whole, **rest, simulated_ms=0.0)
    assert path.stat().st_size < whole.stat().st_size / 4


def test_its_learning_is_on_record(trained):
    _, embedding, path = trained
    found = stores.read(path).attrs
    for name in ("parameters", "seed", "code_digest", "simulated_ms"):
        assert found[name] == embedding.attrs[name]


def test_kept_again_it_names_the_code_that_trained_it(trained, tmp_path):
    network, embedding, path = trained
    back = kept.training(path, "embedding", network)
    back.attrs |= embedding.attrs | {"code_digest": "other", "trained_by": "new"}
    kept.keep_training(back, tmp_path / "again.zarr.zip", "identity")
    assert stores.read(tmp_path / "again.zarr.zip").attrs["code_digest"] == "new"


def test_a_network_with_other_synapses_is_refused(trained):
    network, _, path = trained
    column = network["e_to_e_column"].copy(data=np.roll(network["e_to_e_column"].values, 1))
    with pytest.raises(UserError, match="other synapses"):
        kept.training(path, "embedding", network.assign(e_to_e_column=column))


def test_what_is_kept_outlasts_other_code_but_no_other_parameter(trained):
    _, _, path = trained

    def identity(code="other", **change):
        study = STUDY | change
        return sweeps.training(read_study(study, "here"), codes(code))["embedding"].identity

    found = kept.identity_of(path, "embedding")
    assert found == identity()
    assert found == identity(targets={"abc": {"kind": "symbols", "sequence": "ABC"}})
    assert found != identity(seed=2)
    assert found != identity(clock=STUDY["clock"] | {"balancing": 300})
    assert kept.identity_of(path.with_name("nothing"), "embedding") is None


def test_a_file_of_another_kind_is_named(trained, tmp_path):
    _, _, path = trained
    for read in (kept.points, kept.costs):
        with pytest.raises(UserError, match="is not what `snakemake keep` wrote"):
            read(path, "rates")
    (tmp_path / "short.zarr.zip").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        kept.identity_of(tmp_path / "short.zarr.zip", "embedding")


def test_a_folder_of_one_study_is_refused(tmp_path):
    (tmp_path / "demo/sweeps").mkdir(parents=True)
    kept.check_folder(tmp_path, "here")
    with pytest.raises(UserError, match="here: kept: .* is itself the folder of one study"):
        kept.check_folder(tmp_path / "demo", "here")
    with pytest.raises(UserError, match="here: kept: there is no folder"):
        kept.check_folder(tmp_path / "none", "here")


def of_rates(rates, code):
    """Points of a sweep over the external rate, made with some code."""
    study = STUDY | {"clock": {"connectivity": "hard-wired", "clusters": 4, "cluster_size": 20}}
    axis = {"keys": ["clock.external.rate_e"], "values": list(rates)}
    measures = ["clock.replay.rate_e", "clock.replay.period_mean"]
    sweep = Sweep(about="a test", axes={"rate": axis}, replicates=1, measures=measures)
    return sweep, sweeps.points(sweep, study, codes(code))


def test_kept_points_stand_for_their_stores(tmp_path):
    sweep, points = of_rates([4.0, 5.0], "old")
    costs = {}
    for point in points:
        costs |= sweep_runs.make_point(point, tmp_path, set())
    stored = [stores.read(sweeps.point_path(tmp_path, point.key)) for point in points]
    path, seconds = kept.points_path(tmp_path, "rates"), {"some step": 1.5}
    numbers = {
        point.identity: one.assign_attrs(place=sweep.place(point.index, 7))
        for point, one in zip(points, stored, strict=True)
    }
    kept.keep_points(numbers, seconds, path, name="rates", seed=1)
    assert kept.costs(path, "rates") == seconds

    sweep, points = of_rates([4.0, 5.0, 6.0], "new")
    found = kept.points(path, "rates")
    assert [point.identity in found for point in points] == [True, True, False]
    known = {point.key: found[point.identity] for point in points[:2]}
    options = {"name": "rates", "seed": 1, "code": "new", "kept": known}
    keys = [point.key for point in points]
    sweep_runs.gather(sweep, keys, tmp_path, tmp_path / "all.zarr.zip", **options)
    dataset = stores.read(tmp_path / "all.zarr.zip")
    assert dataset.attrs["kept"] == 2
    assert dataset.attrs["missing"] == "[[2, 0]]"
    for measure in sweep.measures:
        values = dataset[measure].values[:2, 0]
        np.testing.assert_array_equal(values, [float(one[measure]) for one in stored])
        assert dataset[measure].attrs["units"] == stored[0][measure].attrs["units"]
    failures = [one.attrs["failure"] for one in stored]
    assert dataset["failure"].values[:2, 0].tolist() == failures
    assert found[points[0].identity].attrs["code_digest"] == stored[0].attrs["code_digest"]
    places = [found[point.identity].attrs["place"] for point in points[:2]]
    assert places == ["rate=4, seed=7", "rate=5, seed=7"]
    # What was computed here goes before what is kept.
    sweep_runs.make_point(points[0], tmp_path, set())
    sweep_runs.gather(sweep, keys, tmp_path, tmp_path / "all.zarr.zip", **options)
    assert stores.read(tmp_path / "all.zarr.zip").attrs["kept"] == 1


def test_points_of_other_measures_are_kept_side_by_side(tmp_path):
    number = xr.DataArray(2.5, attrs={"units": "Hz"})
    attributes = {"failure": "", "code_digest": "old"}
    numbers = {
        "one": xr.Dataset({"clock.replay.rate_e": number}, attrs=attributes),
        "other": xr.Dataset({"clock.replay.rate_i": 2 * number}, attrs=attributes),
    }
    numbers["other"]["clock.replay.rate_i"].attrs = number.attrs
    path = kept.points_path(tmp_path, "rates")
    kept.keep_points(numbers, {}, path, name="rates", seed=1)
    back = kept.points(path, "rates")
    assert list(back) == list(numbers)
    for identity, one in numbers.items():
        for name in one:
            xr.testing.assert_equal(back[identity][name], one[name])
            assert back[identity][name].attrs["units"] == "Hz"


def test_nothing_is_kept_where_no_file_is(tmp_path):
    assert kept.points(tmp_path / "none.zarr.zip", "none") == {}
    assert kept.costs(tmp_path / "none.zarr.zip", "none") == {}
