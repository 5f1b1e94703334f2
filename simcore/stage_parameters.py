"""Which parameters each stage of the clock uses: what a change of others must not make anew.

Each function takes a :class:`simcore.parameters.Study` and returns the dict that the stage of that
name in :mod:`simcore.stages` takes as ``given``.
"""

from pathlib import Path

_START = ("start_weights", "p", "p_e_to_e", "balancing", "balancing_static")
_TRAINING = ("stimulation", "embedding", "consolidation")
_PLASTICITY = ("voltage_rule", "inhibitory_rule")
# What a trained network brings with it.
_STRUCTURE = ("weights", "connectivity")
_LEARNING = {
    *("rule", "learning_block", "test", "learning_min", "learning_max"),
    *("levelled_off", "alternation", "burn_in"),
}


def without(parameters, *names):
    """Return parameters but for some."""
    return {name: value for name, value in parameters.items() if name not in names}


def network(study):
    """Return those of the start network."""
    # The file's name only: where it lies on this machine is nothing for a store.
    weights = study.clock.weights and Path(study.clock.weights).name
    clock = without(study.clock.model_dump(), *_TRAINING) | {"weights": weights}
    return {"clock": clock, "dt": study.dt}


def embedding(study):
    """Return those of the stimulated training."""
    return {
        "clock": without(study.clock.model_dump(), *_START, "consolidation"),
        "dt": study.dt,
    }


def consolidation(study):
    """Return those of the training without stimulation."""
    return {
        "clock": without(study.clock.model_dump(), *_START, "stimulation", "embedding"),
        "dt": study.dt,
    }


def driven(study):
    """Return those of the plasticity under another clock's spikes."""
    stability = study.stability.model_dump(include={"duration"})
    return without(consolidation(study), "clock") | {
        "clock": without(consolidation(study)["clock"], "consolidation"),
        "stability": stability,
    }


def _dynamics(study):
    """What a network without plasticity needs; its size comes with its connectivity."""
    unused = *_START, *_TRAINING, *_PLASTICITY, *_STRUCTURE
    sizes = {"clusters": None, "neurons_e": None, "neurons_i": None}
    return without(study.clock.model_dump(), *unused) | sizes


def clock_replay(study, damaged=True):
    """Return those of a replay of the clock alone; of the whole one, if not damaged."""
    replay = study.replay.model_dump(include={"duration"})
    given = {"clock": _dynamics(study), "replay": replay, "dt": study.dt}
    return given | (_damage(study) if damaged else {})


def _damage(study):
    """The damage, if there is any."""
    lost = study.damage.model_dump(exclude_defaults=True)
    return {"damage": lost} if study.damage.any else {}


def target(study, name):
    """Return those of the target of this name, besides files."""
    chosen = study.targets[name]
    given = {
        "target": without(chosen.model_dump(), "file", "readouts_of"),
        "dt": study.dt,
        "baseline_rate": study.readout.baseline_rate,
    }
    if chosen.kind == "symbols":
        given["sequences"] = chosen.sequences
    if chosen.kind == "song":
        given |= {
            "song_start": study.song_start,
            "song_duration": study.song_duration,
            "song_fit": study.song_fit,
        }
    return given


def learn(study):
    """Return those of the learning of read-outs."""
    return {
        "clock": _dynamics(study),
        "readout": study.readout.model_dump(),
        "replay": study.replay.model_dump(exclude={"duration"}),
        "dt": study.dt,
    }


def replay(study):
    """Return those of a replay with trained read-outs."""
    return {
        "clock": _dynamics(study),
        "readout": study.readout.model_dump(exclude=_LEARNING),
        "replay": study.replay.model_dump(),
        "dt": study.dt,
    } | _damage(study)


def _experiment(study, name):
    """All parameters of an experiment that can change a number."""
    return without(study.rls.define[name].model_dump(by_alias=True), "about", "known")


def rls_targets(study, name):
    """Return those of an experiment's targets: of training only what is trained, of tests none."""
    given = _experiment(study, name)
    training = {"what": given["training"]["what"]}
    songs = {}
    if given["target"]["kind"] == "song":
        songs = {key: getattr(study, key) for key in ("song_start", "song_duration", "song_fit")}
    return {"experiment": without(given, "test") | {"training": training}} | songs


def rls_training(study, name):
    """Return those of an experiment's training: of tests those that its learning curve knows."""
    given = _experiment(study, name)
    test = without(given["test"], "damage", "after", "delete_spike")
    return {"experiment": given | {"test": test}}


def rls_replay(study, name):
    """Return those of an experiment's tests."""
    return {"experiment": _experiment(study, name)}
