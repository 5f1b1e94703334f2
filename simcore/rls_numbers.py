"""What the tests of a network trained by recursive least squares are summed up in."""

# Of each network: unit and meaning of a number.
NUMBERS = {
    "correlation": ("1", "correlation with the target, mean over followers, starts, patterns"),
    "median": ("1", "median over starts of the mean correlation"),
    "spread": ("1", "standard deviation over starts of the mean correlation"),
    "nrmse": ("1", "relative error: median over followers, mean over starts and patterns"),
    "bias": ("1", "error that all starts have in common over the target's sd, median"),
    "variability": ("1", "standard deviation over starts over the target's sd, median"),
    "tracking_error": ("1", "error of the quasi-static prediction over the target's sd, median"),
    "sampling_error": ("1", "drive minus its prediction over the target's sd, median"),
    "rate": ("Hz", "of all neurons, in the window"),
    "untrained_rate": ("Hz", "the same before training"),
    "silent": ("neurons", "that never fire in any start"),
    "untrained": ("1", "correlation before training"),
    "other_pattern": ("1", "correlation with the target of another pattern than the one evoked"),
    "predicted_drive": ("1", "correlation of the drive with its quasi-static prediction"),
    "predicted_rate": ("1", "correlation of the rate with its quasi-static prediction"),
    "predicted_target": ("1", "correlation of the target with its quasi-static prediction"),
    "untrained_predicted_target": ("1", "the same before training: of the untrained weights"),
    "channel_correlation": ("1", "of drives averaged by channel with their target"),
    "weight_change": ("1", "norm of the change of the weights, relative unless they were zero"),
    "wrong_sign": ("1", "part of the synapses whose sign has turned"),
    "frozen": ("1", "part of the synapses that were frozen"),
    "trained_synapses": ("synapses", "whose weights are learned"),
    "agreement": ("1", "correlation between trials in the trained window"),
    "agreement_after": ("1", "correlation between trials in what comes after it"),
    "agreement_lost": ("1", "how much less it is after the window, both in short windows"),
    "untrained_agreement": ("1", "correlation between trials in the window, before training"),
    "separation": ("1", "of drives at the window's end by a deleted spike, over their sd"),
    "untrained_separation": ("1", "the same before training"),
}
# Of each balanced network, besides (no sweep asks for it).
SPECTRAL = {
    "spectral_radius": ("1", "that holds 99 % of the eigenvalues, over that of random weights"),
    "untrained_spectral_radius": ("1", "the same before training"),
}
# Of each kind of damage: what is measured under it, mean over amounts and draws.
DAMAGED = ("correlation", "channel_correlation")

AGREEMENT_WINDOW = 200.0  # ms, in which trials are compared along time
BIN = 50.0  # ms, in which rates are compared with their prediction (figure 3)
# Kinds of neuron whose rate is a known function of a constant input.
WITH_TRANSFER = ("theta", "leaky")


def is_predicted(experiment):
    """Whether drives are trained that have a quasi-static prediction (figure 3)."""
    return experiment.training.what == "drive" and experiment.network.neuron in WITH_TRANSFER


def bin_length(experiment):
    """Of bins of rates, in ms: a shorter window is one."""
    return min(BIN, experiment.target.duration)


def under_damage(kind, amount):
    """The correlation under one amount of damage, as a part of an id."""
    return f"damaged.{kind}[{amount:g}].correlation"


def headlines(experiment):
    """The numbers of an experiment that summary.json has.

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment

    Returns
    -------
    list of str
        Names of `NUMBERS` and `SPECTRAL`, and those that `under_damage` gives; the table of
        rls_analysis has more.
    """
    found = ["correlation", "nrmse"] + ["rate", "silent"] * experiment.spikes
    if experiment.series is not None:
        return found  # what changes from value to value: all the rest would be too much
    balanced, test = experiment.network.initial == "balanced", experiment.test
    found += ["median"] * (experiment.training.what == "drive")
    found += ["untrained", "weight_change"]
    found += ["other_pattern"] * (experiment.target.patterns > 1)
    found += ["predicted_drive", "predicted_rate"] * is_predicted(experiment)
    found += ["wrong_sign", *SPECTRAL] * balanced
    found += ["untrained_rate"] * (balanced and experiment.spikes)
    found += ["frozen"] * (experiment.training.dale == "freeze")
    if test.delete_spike is not None:
        found += ["agreement", "untrained_agreement"]
        found += ["agreement_after", "agreement_lost"] * (test.after >= AGREEMENT_WINDOW)
        found += ["separation", "untrained_separation"]
    found += [under_damage(one.kind, amount) for one in test.damage for amount in one.amounts]
    return list(dict.fromkeys(found))
