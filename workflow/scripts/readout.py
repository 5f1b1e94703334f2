"""Read-outs learn a target on the trained clock, in blocks, until the replay error levels off."""

from kernels import compile_kernels
from stage import Stage

from simcore import clock, datasets, measures, readout
from simcore.kernels.network import STEP
from simcore.parameters import Clock, Readout, Replay
from simcore.runs import Learning
from simcore.runs import Replay as ReplayRun

with Stage(snakemake) as this:
    compile_kernels(this)
    given, seed = this.params["parameters"], this.params["seed"]
    dt = given["dt"]
    parameters = Clock.model_validate(given["clock"])
    learning = Readout.model_validate(given["readout"])
    replay = Replay.model_validate(given["replay"])
    network = datasets.read_connectivity(this.read("network", this.params["network"]))
    target = this.read("target", f"target {this.target}")
    rate = target["target_rate"].values
    selected, inhibited = datasets.selected_target(target)

    def states(name):
        """The states of network and read-outs before a run of this name."""
        state = clock.initial_state(network, parameters, seed, name)
        sizes = network.clusters, rate.shape[2]
        return state, readout.initial_state(state, *sizes, learning, dt, seed, name)

    def test(weight, tick):
        """Replay with these weights; returns mean error and correlation of the passes."""
        test_run = ReplayRun(*states(f"{this.name}, test"))
        test_run.readout_state.weight[...] = weight
        test_run.run(network_kernel, learning.test, tick, testing)
        _, error, correlation = measures.evaluate_replay(
            tuple(test_run.spikes.arrays().values()),
            tuple(test_run.readout_spikes.arrays().values()),
            network.cluster,
            selected["target_rate"].values,
            learning.test,
            dt=dt,
            burn_in=learning.burn_in,
        )
        error, correlation = measures.mean(error), measures.mean(correlation)
        this.say(f"{this.name}: replay error {error:.3f}, correlation {correlation:.3f}")
        return error, correlation

    state, readout_state = states(this.name)
    network_kernel = clock.network(state, parameters, dt)
    common = learning, replay, dt, network.cluster
    teaching = readout.readout(*common, rate, learning=True)
    testing = readout.readout(
        *common, selected["target_rate"].values[None], learning=False, inhibited=inhibited
    )
    run = Learning(state, readout_state, learning, test)
    if saved := this.resume():
        run.restore(saved)
    begun = state.counters[STEP] * dt
    tick = this.progress(learning.learning_max, run, done=begun)
    levelled_off = run.run(network_kernel, teaching, tick)
    learned = run.curve[-1][0]
    this.say(
        f"{this.name}: learned for {learned / 1e3:g} s; the error "
        + ("has levelled off." if levelled_off else "was still falling (readout.learning_max).")
    )
    dataset = datasets.readout(run.best_weight, run.curve, network.cluster)
    dataset = dataset.assign(
        {name: target[name] for name in ("symbol", "frequency") if name in target}
    )
    dataset.attrs |= {"levelled_off": int(levelled_off)}
    this.write(dataset, learned)
