"""A study's results in Python and in the terminal; spikes for Neo."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import xarray as xr
from studies import write_trained
from test_stages import SEED, given

from simcore import stages, stores
from simcore.__main__ import main
from simcore.datasets import variable
from simcore.errors import UserError
from simcore.inspection import describe
from simcore.neo_export import export, to_neo
from simcore.results import open_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of a small trained clock with two read-outs, as the workflow writes them."""
    folder = tmp_path_factory.mktemp("small")
    short = {"balancing": 200, "balancing_static": 100, "embedding": 300, "consolidation": 200}
    parameters = given(connectivity="trained", **short)

    def write(name, dataset, stage=None, **inputs):
        stores.write(
            dataset,
            folder / f"{name}.zarr.zip",
            stage=stage or name,
            parameters=parameters,
            seed=SEED,
            code_digest="0" * 64,
            inputs={role: folder / f"{store}.zarr.zip" for role, store in inputs.items()},
            simulated_ms=dataset.attrs["simulated_ms"],
        )
        return dataset

    network = write("network", stages.network(parameters, SEED))
    embedded = stages.training(parameters, SEED, network, name="embedding")
    trained = stages.training(parameters, SEED, embedded, name="consolidation")
    write("consolidation", trained)
    replayed = stages.replay(parameters, SEED, trained, name="replay_clock")
    write("replay_clock", replayed, network="consolidation")
    target = write("target_ab", stages.target(parameters, replayed, name="ab"), "target ab")
    learned = stages.learn(parameters, SEED, trained, target, name="readout ab")
    learned["readout_weight"] = 200 * learned["readout_weight"] + 20
    write("readout_ab", learned, "readout ab")
    options = {"name": "replay ab", "target": target, "learned": learned}
    replayed = stages.replay(parameters, SEED, trained, **options)
    write("replay_ab", replayed, "replay ab", readout="readout_ab")
    summary = [{"id": "clock.replay.order", "value": 0.5, "unit": "1", "ok": None}]
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "report.json").write_text(json.dumps({"figures": [{"file": "a.png", "title": "A"}]}))
    return folder


def test_a_study_lists_what_it_holds(folder):
    study = open_study(folder)
    names = ["consolidation", "network", "readout_ab", "replay_ab", "replay_clock", "target_ab"]
    assert study.names() == names and "replay_ab" in repr(study)
    assert study["replay_ab"].sizes["channel"] == 2
    assert study.summary().loc["clock.replay.order", "value"] == 0.5
    assert study.figures().loc["a.png", "title"] == "A"
    provenance = study.provenance("replay_ab")
    assert provenance["parameters"]["dt"] == 0.1 and provenance["seed"] == SEED
    assert study.plot("replay_raster", "replay_ab").axes
    with pytest.raises(UserError, match="holds no nothing"):
        study["nothing"]
    with pytest.raises(UserError, match="no figure nothing"):
        study.plot("nothing", "replay_ab")
    with pytest.raises(UserError, match="holds no replay_abc"):
        study.plot("replay_raster", "replay_abc")
    with pytest.raises(UserError, match="shows replay, analysis, name: name a store for each"):
        study.plot("target_and_replay", "replay_ab")
    with pytest.raises(UserError, match="cannot be drawn of these stores, which lack"):
        study.plot("replay_raster", "network")


def test_a_folder_without_results_is_told(tmp_path):
    with pytest.raises(UserError, match="no results"):
        open_study(tmp_path / "none")


def test_a_folder_of_several_studies_is_told(folder, tmp_path):
    for name in ("demo", "sweeps"):
        shutil.copytree(folder, tmp_path / name)
        (tmp_path / name / "logs").mkdir()
    with pytest.raises(UserError, match="several studies, demo, sweeps: name one"):
        open_study(tmp_path)
    assert open_study(tmp_path / "sweeps").names() == open_study(folder).names()


def test_a_replay_is_repeated_or_tried_with_something_new(folder):
    study = open_study(folder)
    for target, name in ((None, "replay_clock"), ("ab", "replay_ab")):
        again = study.replay(target=target)
        for part in ("spike_time", "spike_neuron"):
            np.testing.assert_array_equal(again[part], study[name][part])
    other = study.replay(seed=SEED + 1)
    assert not np.array_equal(other["spike_time"], study["replay_clock"]["spike_time"])
    driven = study.replay({"clock.external.rate_e": 6.0, "replay.duration": 500.0})
    assert driven.attrs["simulated_ms"] == 500
    lost = study.replay({"damage.neurons": 1.0})
    assert not (lost["spike_neuron"].values < 80).any()
    with pytest.raises(UserError, match="no parameter clock.external.rate"):
        study.replay({"clock.external.rate": 6.0})
    with pytest.raises(UserError, match="damage.neurons.*neurons"):
        study.replay({"damage.neurons": 5})
    with pytest.raises(UserError, match="damage.at lies after the end of the replay"):
        study.replay({"damage.neurons": 1, "damage.at": 1e9})
    with pytest.raises(UserError, match="no parameter dt"):
        study.replay({"dt": 0})
    with pytest.raises(UserError, match="no parameter clock.cluster_size"):
        study.replay({"clock.cluster_size": 40})
    with pytest.raises(UserError, match="damage.at lies after the end of the replay"):
        study.replay({"damage.neurons": 1, "damage.at": "2 s", "replay.duration": "1 s"})
    with pytest.raises(UserError, match="holds no whole network"):
        study.replay(network="replay_ab")


def test_a_trained_clock_learns_on(folder):
    study = open_study(folder)
    longer = study.train(300)
    assert longer.attrs["simulated_ms"] == 300
    before, after = (one["e_to_e_weight"].values for one in (study["consolidation"], longer))
    assert before.shape == after.shape and not np.array_equal(before, after)
    assert study.replay(network=longer).attrs["simulated_ms"] == 1000
    again, named = study.replay(), study.replay(network="consolidation")
    np.testing.assert_array_equal(again["spike_time"], named["spike_time"])


def test_networks_of_least_squares_are_tested_anew(tmp_path):
    write_trained(tmp_path, "ou", seed=SEED)
    study = open_study(tmp_path)
    tested = study["rls_replay_ou"].load()
    xr.testing.assert_equal(study.test("ou")["correlation"], tested["correlation"])
    more = study.test("ou", {"test.starts": 3})
    assert more.sizes["start"] == 3
    xr.testing.assert_equal(more["correlation"].isel(start=[0, 1]), tested["correlation"])
    silent = [{"kind": "neurons", "amounts": [0.5], "draws": 1}]
    assert study.test("ou", {"test.damage": silent}).sizes["case"] == 1
    with pytest.raises(UserError, match="cannot have another network.neurons"):
        study.test("ou", {"network.neurons": 40})
    with pytest.raises(UserError, match="no parameter test.start "):
        study.test("ou", {"test.start": 3})
    with pytest.raises(UserError, match="test.starts: input should"):
        study.test("ou", {"test.starts": "many"})
    for name in ("rls_training_ou", "rls_replay_ou"):
        picture = describe(tmp_path / f"{name}.zarr.zip").split("\n\n")[-1]
        assert picture.startswith(("correlation along the loops", "target of the first neurons"))


def test_a_clock_without_its_state_does_not_learn_on(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "kept")
    path = tmp_path / "kept/consolidation.zarr.zip"
    stored = stores.read(path)
    stateless = stored.drop_vars([name for name in stored.variables if name.startswith("state_")])
    rest = {"stage": "consolidation", "parameters": json.loads(stored.attrs["parameters"])}
    rest |= {"seed": SEED, "code_digest": "", "inputs": {}, "simulated_ms": 0.0}
    stores.write(stateless, path, **rest)
    with pytest.raises(UserError, match="without the state"):
        open_study(tmp_path / "kept").train(300)


def test_weights_of_zero_and_a_failed_step_are_shown(tmp_path, capsys):
    blocks = ("time", "cluster_pre", "cluster_post")
    weight = xr.Variable(blocks, [[[1.0, 0.0], [2.0, 1.0]]], {"units": "pF", "long_name": "w"})
    rest = {"stage": "x", "parameters": {}, "seed": 1, "code_digest": "", "inputs": {}}
    failed = xr.Dataset({"block_weight": weight}, attrs={"failure": "It blew up."})
    stores.write(failed, tmp_path / "x.zarr.zip", **rest, simulated_ms=0.0)
    told = run(capsys, "inspect", tmp_path / "x.zarr.zip")
    assert "It blew up." in told and "█" in told


def run(capsys, *arguments):
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def test_inspect_tells_what_a_store_holds(folder, capsys):
    told = run(capsys, "inspect", folder)
    assert "replay_ab" in told and f"seed {SEED}\n" in told and "names no ranges" in told
    told = run(capsys, "inspect", folder / "replay_ab.zarr.zip")
    for word in ("readout_spike_time", "ms", "seed", str(SEED), "numba", "spikes by cluster"):
        assert word in told
    told = run(capsys, "inspect", folder / "consolidation.zarr.zip", "--parameters")
    assert "clock.neuron_e.tau_m" in told and "of the state" in told
    picture = told.split("logarithm\n")[1].splitlines()
    assert len(picture) == 4 and {len(line) for line in picture} == {4}
    told = run(capsys, "inspect", folder / "target_ab.zarr.zip")
    assert "clock_period_ms" in told and "rate of channel (upwards) in time" in told
    told = run(capsys, "inspect", folder / "readout_ab.zarr.zip")
    assert "kept_after_ms" in told and "mean weight from cluster (to the right) to channel" in told


def test_inspect_draws_a_sweep(tmp_path, capsys):
    values = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 7.0]])
    order = variable(("clusters", "replicate"), values, "1", "order")
    sweep = xr.Dataset({"clock.replay.order": order})
    stores.write(
        sweep,
        tmp_path / "s.zarr.zip",
        stage="sweep s",
        parameters={},
        seed=1,
        code_digest="0" * 64,
        inputs={},
        simulated_ms=0.0,
    )
    told = run(capsys, "inspect", tmp_path / "s.zarr.zip")
    assert "along clusters  ▁▃█  1.5 to 6" in told


def test_a_damaged_store_is_told_in_a_listing(folder, tmp_path):
    (tmp_path / "cut.zarr.zip").write_bytes((folder / "network.zarr.zip").read_bytes()[:1000])
    with pytest.raises(SystemExit, match="cut.zarr.zip is damaged"):
        main(["inspect", str(tmp_path)])


def test_a_store_of_another_program_is_no_damaged_one(tmp_path):
    path = tmp_path / "other.zarr.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zarr.json", "{}")
    with pytest.raises(SystemExit, match="other.zarr.zip is of another program"):
        main(["inspect", str(path)])


def test_inspect_names_what_is_there_instead(folder):
    with pytest.raises(SystemExit, match="does not exist; there is replay_ab.zarr.zip"):
        main(["inspect", str(folder / "replay_abb.zarr.zip")])


@pytest.mark.parametrize("path", ["none.zarr.zip", "broken.zarr.zip", "study.yaml"])
def test_inspect_tells_a_mistake_in_a_sentence(tmp_path, path):
    (tmp_path / "broken.zarr.zip").write_bytes(b"PK nothing")
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(tmp_path / path)])
    assert path in str(ended.value) and "\n" not in str(ended.value)


def test_neo_has_every_spike_train(folder):
    pytest.importorskip("neo")
    replay = open_study(folder)["replay_ab"]
    block = to_neo(replay)
    (segment,) = block.segments
    neurons, readouts = segment.spiketrains[:100], segment.spiketrains[100:]
    assert len(readouts) == 2 and readouts[0].annotations["symbol"] == "A"
    for neuron in (0, 79, 80, 99):
        train = neurons[neuron]
        spikes = replay["spike_time"].values[replay["spike_neuron"].values == neuron]
        np.testing.assert_array_equal(train.rescale("ms").magnitude, np.sort(spikes))
        assert train.annotations["population"] == ("E" if neuron < 80 else "I")
    assert neurons[79].annotations["cluster"] == 3
    assert float(neurons[0].t_stop) == 1000
    assert sum(len(train) for train in readouts) == replay.sizes["readout_spike"]
    assert json.loads(block.annotations["parameters"])["dt"] == 0.1


def test_neo_takes_the_last_seconds_of_a_training(folder):
    pytest.importorskip("neo")
    block = to_neo(open_study(folder)["consolidation"])
    trains = block.segments[0].spiketrains
    stored = open_study(folder)["consolidation"]
    assert len(trains) == 100
    assert sum(map(len, trains)) == stored.sizes["spike"] > 0
    assert float(trains[0].t_start) == stored["spike_time"].attrs["spikes_from_ms"]


@pytest.mark.parametrize("ending", ["nix", "mat", "pkl"])
def test_spikes_go_through_a_file(folder, tmp_path, ending):
    neo = pytest.importorskip("neo")
    path = tmp_path / f"replay.{ending}"
    main(["export", str(folder / "replay_ab.zarr.zip"), str(path)])
    reader = {"nix": neo.NixIO, "mat": neo.NeoMatlabIO, "pkl": neo.PickleIO}[ending]
    options = {"mode": "ro"} if ending == "nix" else {}
    block = reader(str(path), **options).read_block()
    expected = open_study(folder)["replay_ab"]
    total = sum(len(train) for train in block.segments[0].spiketrains)
    assert total == expected.sizes["spike"] + expected.sizes["readout_spike"]
    with pytest.raises(SystemExit, match="there already"):
        main(["export", str(folder / "replay_ab.zarr.zip"), str(path)])


def test_what_cannot_be_exported_is_told(folder, tmp_path):
    pytest.importorskip("neo")
    with pytest.raises(UserError, match="no spikes"):
        export(folder / "target_ab.zarr.zip", tmp_path / "a.nix")
    with pytest.raises(UserError, match=".nix"):
        export(folder / "replay_ab.zarr.zip", tmp_path / "a.csv")
