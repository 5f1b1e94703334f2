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
    "silent": ("neurons", "that never fire in any start"),
    "untrained": ("1", "correlation before training"),
    "other_pattern": ("1", "correlation with the target of another pattern than the one evoked"),
    "predicted_drive": ("1", "correlation of the drive with its quasi-static prediction"),
    "predicted_rate": ("1", "correlation of the rate with its quasi-static prediction"),
    "predicted_target": ("1", "correlation of the target with its quasi-static prediction"),
    "untrained_predicted_target": ("1", "the same before training: of the untrained weights"),
    "channel_correlation": ("1", "of drives averaged by channel with the channels' amplitude"),
    "weight_change": ("1", "norm of the change of the weights, relative unless they were zero"),
    "wrong_sign": ("1", "part of the synapses whose sign has turned"),
    "frozen": ("1", "part of the synapses that were frozen"),
    "trained_synapses": ("synapses", "whose weights are learned"),
}
# Of each kind of damage: what is measured under it, mean over amounts and draws.
DAMAGED = ("correlation", "channel_correlation")
