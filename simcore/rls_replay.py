"""Tests of a trained network: how well it follows its target, and what it can lose.

Everything here runs with fixed weights. Tests of equal name begin at equal phases, whatever the
weights: a damaged network is compared with the whole one under the same noise.
"""

import numpy as np

from simcore import drives, measures, rls, rls_connectivity, tracking
from simcore.numerics import steps_of
from simcore.rls_numbers import AGREEMENT_WINDOW, WITH_TRANSFER, bin_length

# What is recorded of the few trials that are kept whole.
EXAMPLES, EXAMPLE_BEFORE, EXAMPLE_AFTER = 3, 200.0, 200.0


def evaluate(model, target):
    """Test a network from all its starts.

    Parameters
    ----------
    model : simcore.rls.Model
    target : float64 (pattern, time, neuron)

    Returns
    -------
    dict of str to array
        ``correlation`` and ``relative_error`` (pattern, start, follower; of rates, averaged over
        starts, one row), ``count`` (pattern, start, neuron) of spikes in the window, ``bias`` and
        ``variability`` (pattern, follower; of drives), ``other_correlation`` (pattern,
        target_pattern), and what :func:`quasi_static` gives (pattern, follower).
    """
    parts = []
    for pattern, goal in enumerate(target):
        trials = [
            model.test(pattern, f"replay {start}") for start in range(model.experiment.test.starts)
        ]
        part = {
            "correlation": model.correlations(trials, goal),
            "relative_error": _relative_error(model, trials, goal),
            "count": np.stack(
                [np.bincount(t.spike_neuron, minlength=goal.shape[1]) for t in trials]
            ),
            "other_correlation": np.array(
                [model.correlations(trials, other).mean() for other in target]
            ),
        }
        if not model.follows_rate:
            n = model.followers
            drive = np.stack([trial.drive[:, :n] for trial in trials]).astype(float)
            part["bias"], part["variability"] = tracking.bias_and_variability(drive, goal[:, :n])
        if model.parameters.neuron in TRANSFER:
            part |= quasi_static(model, trials, goal)
        parts.append(part)
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


# From input to rate, per 10 ms.
TRANSFER = dict(zip(WITH_TRANSFER, (drives.phi, drives.lif), strict=True))


def _relative_error(model, trials, goal):
    n = model.followers
    if model.follows_rate:
        wanted = model.smoothed_target_rate(goal)[:, :n]
        return tracking.relative_error(model.rates(trials), wanted)[None]
    return np.stack([tracking.relative_error(t.drive[:, :n], goal[:, :n]) for t in trials])


def quasi_static(model, trials, goal):
    """Compare trials with what a network of rates would do at the target (figure 3).

    Parameters
    ----------
    model : simcore.rls.Model
    trials : list of simcore.rls.Trial
    goal : float64 (time, neuron)

    Returns
    -------
    dict of str to float64 (follower,)
        ``predicted_drive``: correlation of single trials' drive with U = W R, R the rates that the
        targets ask for, filtered by the synapses; ``predicted_target``: of U with the targets;
        ``predicted_rate``: of the trial-averaged rate in 50 ms bins with phi(U + input);
        ``tracking_error`` and ``sampling_error`` over the target's standard deviation. Those with
        the targets only where these are drives.
    """
    n = model.followers
    predicted, expected = prediction(model, goal)
    drive = np.stack([trial.drive[:, :n] for trial in trials]).astype(float)
    found = {"predicted_drive": tracking.correlation(drive, predicted).mean(axis=0)}
    if not model.follows_rate:
        found["predicted_target"] = tracking.correlation(predicted, goal[:, :n])
        found["tracking_error"] = tracking.tracking_error(predicted, goal[:, :n])
        errors = tracking.sampling_error(drive, predicted, goal[:, :n])
        found["sampling_error"] = errors.mean(axis=0)
    found["predicted_rate"] = tracking.correlation(_binned(model, trials), expected)
    return found


def prediction(model, goal):
    """What a network of rates would do at the target: U = W R and phi(U + input) (figure 3).

    Parameters
    ----------
    model : simcore.rls.Model
        Of neurons in `TRANSFER`.
    goal : float64 (time, neuron)

    Returns
    -------
    drive : float64 (time, follower)
        U, where R are the rates that the targets ask for, filtered by the synapses.
    rate : float64 (bin, follower)
        phi(U + input) in spikes per 10 ms, mean over bins of 50 ms.
    """
    parameters, n = model.parameters, model.followers
    transfer = TRANSFER[parameters.neuron]
    wanted = np.where(
        model.rule.mode == rls.MODES["rate"], goal, transfer(goal + parameters.input + model.frozen)
    )
    wanted[:, model.rule.mode == rls.MODES["untrained"]] = 0.0
    filtered = tracking.filtered_by_synapse(wanted, parameters.tau_s, parameters.dt)
    drive = tracking.quasi_static_drive(model.synapses, filtered)[:, :n]
    rate = transfer(drive + parameters.input + model.frozen[:, :n])
    steps = steps_of(bin_length(model.experiment), parameters.dt)
    bins = len(rate) // steps
    return drive, rate[: bins * steps].reshape(bins, steps, n).mean(axis=1)


def _binned(model, trials):
    """Rate of the followers, averaged over trials, in bins: Hz (bin, follower)."""
    time = np.concatenate([trial.spike_step for trial in trials]) * model.parameters.dt
    neuron = np.concatenate([trial.spike_neuron for trial in trials])
    shown = neuron < model.followers
    window, length = model.experiment.target.duration, bin_length(model.experiment)
    return tracking.binned_rate(
        time[shown], neuron[shown], len(trials), model.followers, window, bin=length
    )


def predicted_example(model, pattern, goal):
    """Rates in bins beside what the quasi-static prediction says of drives and rates (figure 3).

    Returns
    -------
    drive : float64 (time, follower)
        As from :func:`prediction`.
    rate, binned : float64 (bin, follower)
        Hz; as predicted, and as it is, averaged over all starts.
    """
    drive, rate = prediction(model, goal)
    trials = _trials(model, pattern, range(model.experiment.test.starts), {})
    return drive, drives.HZ * rate, _binned(model, trials)


def channel_correlation(model, goal, channels, pattern=0):
    """Correlate what the channels' neurons do together with what they are to do together.

    The target is what they learn: the amplitude of their channel as their synapses filter it.

    Parameters
    ----------
    model : simcore.rls.Model
    goal : float64 (time, neuron)
        Target of the pattern. Follower i has that of channel i modulo their number.
    channels : int

    Returns
    -------
    float64 (start,)
        Pearson's correlation over all channels and times of a trial, as in a pass of the clock
        (`simcore.measures.evaluate_replay`); 0 if nothing changes.
    """
    trials = _trials(model, pattern, range(model.experiment.test.starts), {})
    everyone = np.ones(model.followers, bool)
    return np.array([_of_channels(model, trial, goal, channels, everyone) for trial in trials])


def _of_channels(model, trial, goal, channels, intact):
    """Correlation of one trial's activity, averaged by channel over its intact followers."""
    if model.follows_rate:
        activity, wanted = model.rates([trial]), model.smoothed_target_rate(goal[:, :channels])
    else:
        activity = trial.drive[: len(goal), : model.followers].astype(float)
        wanted = goal[:, :channels]
    channel = np.arange(model.followers) % channels
    member = (channel[:, None] == np.arange(channels)) & intact[:, None]
    together = activity @ member / np.maximum(member.sum(axis=0), 1)
    return np.nan_to_num(measures.readout_correlation(together, wanted))


def damaged(model, target, channels=None, *, may_stop=lambda: None):
    """Test the network under all damage that its experiment names.

    Parameters
    ----------
    model : simcore.rls.Model
    target : float64 (pattern, time, neuron)
    channels : int, optional
        Of the clock's target, if the followers share them.
    may_stop : callable
        Is called before each draw; may raise to end.

    Returns
    -------
    dict
        ``damage``, list of tuple (str, float): kind and amount of each case;
        ``damage_correlation``, float64 (case, draw): mean over patterns and intact followers, NaN
        beyond a case's draws; ``damage_channel_correlation`` likewise, if there are channels.
    """
    damages = model.experiment.test.damage
    cases = [(damage, amount) for damage in damages for amount in damage.amounts]
    draws = max((damage.draws for damage in damages), default=0)
    found = {"damage": [(damage.kind, amount) for damage, amount in cases]}
    names = ["correlation"] + ["channel_correlation"] * (channels is not None)
    found |= {f"damage_{name}": np.full((len(cases), draws), np.nan) for name in names}
    for case, (damage, amount) in enumerate(cases):
        for draw in range(damage.draws):
            may_stop()
            generator = model.stream(f"damage {damage.kind} {draw}")
            changes = _change(model, damage.kind, amount, generator)
            of_patterns = [
                _correlations(model, pattern, draw, goal, channels, changes(pattern))
                for pattern, goal in enumerate(target)
            ]
            for name, values in zip(names, zip(*of_patterns, strict=True), strict=False):
                found[f"damage_{name}"][case, draw] = np.mean(values)
    return found


def _change(model, kind, amount, generator):
    """What damage of a kind changes in a test, for a pattern: a function of the pattern."""
    n, synapses = model.parameters.neurons, model.synapses
    if kind == "neurons":
        silenced = rls_connectivity.chosen_neurons(n, amount, generator)
        return lambda pattern: {"silenced": silenced}
    if kind == "stimulus":
        return lambda pattern: {"stimulus": amount * model.stimuli[pattern]}
    if kind == "other stimulus":
        other = amount * model.experiment.input.amplitude * generator.uniform(-1, 1, n)
        return lambda pattern: {"stimulus": other}
    if kind == "synapses":
        changed = rls_connectivity.delete_synapses(synapses, amount, generator)
    elif kind == "noise":
        changed = rls_connectivity.noisy_weights(synapses, amount, generator)
    else:
        changed = rls_connectivity.shuffled(synapses, model.followers, amount, generator)
    return lambda pattern: {"synapses": changed}


def _trials(model, pattern, starts, changes):
    return [model.test(pattern, f"replay {start}", **changes) for start in starts]


def _correlations(model, pattern, draw, goal, channels, changes):
    """Correlation of the intact followers under damage, of their channels too if there are any.

    Of one trial; of rates over all.
    """
    starts = range(model.experiment.test.starts) if model.follows_rate else [draw]
    trials = _trials(model, pattern, starts, changes)
    silenced = changes.get("silenced", np.zeros(model.parameters.neurons, bool))
    intact = ~silenced[: model.followers]
    found = [model.correlations(trials, goal)[:, intact].mean()]
    if channels is not None:
        found.append(np.mean([_of_channels(model, t, goal, channels, intact) for t in trials]))
    return found


def without_one_spike(model):
    """Delete one spike in the window and follow what becomes of it (figure 4).

    Returns
    -------
    float64 (start, time)
        Root mean square difference of the drives with and without the spike, over their standard
        deviation; NaN in a start without a spike from then on.
    """
    first = steps_of(model.experiment.test.delete_spike, model.parameters.dt)
    courses = []
    for start in range(model.experiment.test.starts):
        whole = model.test(0, f"replay {start}")
        later = np.flatnonzero(whole.spike_step > first)
        if later.size:
            spike = int(whole.spike_step[later[0]]), int(whole.spike_neuron[later[0]])
            disturbed = model.test(0, f"replay {start}", delete=spike)
            courses.append(tracking.separation(whole.drive, disturbed.drive))
        else:
            courses.append(np.full(len(whole.drive), np.nan))
    return np.array(courses)


def agreement(model, after):
    """How well trials agree with each other: along time, within the trained window, after it.

    Parameters
    ----------
    model : simcore.rls.Model
    after : float, ms
        How long beyond the window.

    Returns
    -------
    dict of str to float or array
        ``agreement_time`` (moment,), ms since the window began; ``agreement`` (moment,), in short
        windows around these moments; ``agreement_within``, in the whole trained one, and
        ``agreement_after``, in all that comes after it: NaN where that is no short window.
    """
    before, dt = _before(model.experiment), model.parameters.dt
    trials = [
        model.test(0, f"replay {start}", before=before, after=after).drive
        for start in range(model.experiment.test.starts)
    ]
    drives = np.array(trials, float)
    time, values = tracking.sliding_agreement(drives, dt, window=AGREEMENT_WINDOW)
    begin = steps_of(before, dt)
    end = begin + steps_of(model.experiment.target.duration, dt)
    long_enough = after >= AGREEMENT_WINDOW
    return {
        "agreement_time": time - before,
        "agreement": values,
        "agreement_within": tracking.trial_agreement(drives[:, begin:end]).mean(),
        "agreement_after": (
            tracking.trial_agreement(drives[:, end:]).mean() if long_enough else np.nan
        ),
    }


def examples(model, pattern):
    """Record a few trials from before the stimulus until after the window.

    Returns
    -------
    before : float
        Recorded before the window, ms.
    trials : list of simcore.rls.Trial
    rate : float64 (time, follower)
        In the window, averaged over all starts and smoothed, Hz.
    """
    trials = [example(model, pattern, start) for start in range(model.experiment.test.starts)]
    return _before(model.experiment), trials[:EXAMPLES], model.rates(trials)


def example(model, pattern, start):
    """Record one trial from before the stimulus until after the window: simcore.rls.Trial."""
    after = max(model.experiment.test.after, EXAMPLE_AFTER)
    before = _before(model.experiment)
    return model.test(pattern, f"replay {start}", before=before, after=after)


def _before(experiment):
    return experiment.input.duration + min(EXAMPLE_BEFORE, experiment.test.free_run)
