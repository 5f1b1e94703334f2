"""What a network trained by recursive least squares is to follow, from an experiment's parameters.

The tables themselves are made in `simcore.drives`, those of the clock in `simcore.targets`.
"""

import numpy as np

from simcore import drives, targets
from simcore.errors import UserError
from simcore.numerics import steps_of


def make(model, song=None, file=None):
    """Make the target of each pattern, as each neuron is to learn it.

    Parameters
    ----------
    model : simcore.rls.Model
        Before training.
    song : callable, optional
        (length in ms, dt in ms) to a `simcore.targets.Target`; needed for kind song.
    file : path, optional
        Of the table, for kinds that have one.

    Returns
    -------
    float64 (pattern, time, neuron)
        Drives, or rates in spikes per 10 ms for neurons trained on rates; zero for untrained ones.

    Raises
    ------
    UserError
        A file does not fit.
    """
    patterns = range(model.experiment.target.patterns)
    made = np.stack([_pattern(model, pattern, song, file) for pattern in patterns])
    return np.ascontiguousarray(made)  # the kernels are compiled for such tables only


def _pattern(model, pattern, song, file):
    parameters, dt = model.experiment.target, model.parameters.dt
    generator = model.stream(f"target {pattern}")
    size = model.followers, parameters.duration, dt
    what = model.experiment.training.what
    cortical = parameters.kind == "cortical"
    if cortical:
        table = _cortical(parameters, generator, size, file) / drives.HZ
    else:
        table = _drive(model, parameters, pattern, generator, size, song, file)
    if parameters.random_fraction < 1:
        repeats = model.stream(f"repeated targets {pattern}")
        table, _ = drives.with_repeats(repeats, table, parameters.random_fraction)
    if cortical and what == "drive":
        table = as_drive(model.parameters, table)
    elif not cortical and what == "rate":
        table = as_rate(model.parameters, table)
    if model.followers == model.parameters.neurons:
        return table
    return np.hstack([table, _others(model, pattern)])


def as_rate(network, drive):
    """Return the quasi-static rate of neurons at a drive.

    Parameters
    ----------
    network : simcore.rls_parameters.RLSNetwork
    drive : float64 array, any shape
        Dimensionless.

    Returns
    -------
    float64 array of that shape
        In spikes per 10 ms.

    Source: specification, sections 1.2 and 2.2.
    """
    transfer = drives.lif if network.neuron == "leaky" else drives.phi
    return transfer(drive + network.input)


def as_drive(network, rate):
    """Return the drive at which neurons have a quasi-static rate: `as_rate` the other way round.

    Parameters
    ----------
    network : simcore.rls_parameters.RLSNetwork
    rate : float64 array, any shape
        In spikes per 10 ms.

    Returns
    -------
    float64 array of that shape
        Dimensionless; for a rate of 0 the highest one at which a neuron is silent.

    Source: specification, sections 1.2 and 2.2.
    """
    if network.neuron == "leaky":
        with np.errstate(divide="ignore"):
            return 1 / -np.expm1(-1 / rate) - network.input
    return (np.pi * rate) ** 2 - network.input


def _drive(model, parameters, pattern, generator, size, song, file):
    neurons, duration, dt = size
    kind = parameters.kind
    if kind == "periodic":
        return drives.periodic(
            generator,
            *size,
            amplitude=parameters.amplitude,
            period=parameters.period,
            second_period=parameters.second_period,
        )
    if kind == "ratemodel":
        return drives.rate_model(
            generator,
            *size,
            tau=parameters.tau,
            gain=parameters.gain,
            p=parameters.connected,
            run_in=parameters.run_in,
        )
    if kind == "ou":
        return drives.noise(
            generator, *size, tau_c=parameters.tau_c, s=parameters.s, sd=parameters.sd
        )
    if kind == "mixture":
        return drives.mixtures(
            generator, *size, parameters.sources, tau_c=parameters.tau_c, sd=parameters.sd
        )
    if kind == "innate":
        return _innate(model, pattern, parameters)
    if kind == "file":
        table = drives.read_table(file, duration, dt, parameters.file_dt, what="drive")
        drives.check_neurons(table, neurons, f"the target file {file}")
        return table
    table, _ = drives.from_channels(
        amplitude(model.experiment, song),
        neurons,
        dt,
        tau_s=model.parameters.tau_s,
        low=parameters.low,
        high=parameters.high,
    )
    return table


def amplitude(experiment, song=None):
    """The clock's target whose channels the followers share: 0 to 1 (time, channel).

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment
        Its target is of kind symbols or song.
    song : callable, optional
        As in :func:`make`.
    """
    target, dt = experiment.target, experiment.network.dt
    if target.kind == "symbols":
        sequence, duration = target.sequence, target.duration
        return targets.symbol_sequence(sequence, duration, dt, on_rate=1, baseline=0).rate
    rate = song(target.duration, dt).rate
    return rate / rate.max()


def _innate(model, pattern, parameters):
    """The drive of the untrained network after the stimulus (figure 4)."""
    dt, n = model.parameters.dt, model.parameters.neurons
    none = np.zeros((1, n))
    state = model.start(f"innate {pattern}")
    on = steps_of(model.experiment.input.duration, dt)
    model.run(state, steps_of(parameters.run_in, dt), none)
    model.run(state, on, model.stimuli[pattern][None])
    window = steps_of(parameters.duration, dt)
    trial, _ = model.run(state, window, model.frozen, record=True)
    drive = trial.drive[:, : model.followers].astype(float)
    return drives.smoothed(drive, parameters.smoothing, dt)


def _cortical(parameters, generator, size, file):
    neurons, duration, dt = size
    if file is None:
        lowest = parameters.lowest_mean
        return drives.cortical_rates(generator, *size, lowest_mean=lowest)
    table = drives.read_table(file, duration, dt, parameters.file_dt, what="rate")
    if table.shape[1] < neurons:
        raise UserError(
            f"The file of rates {file} has {table.shape[1]} neurons, but {neurons} are to follow "
            "them: set target.followers to that number."
        )
    return table[:, :neurons]


def _others(model, pattern):
    """What the neurons beyond the followers learn."""
    parameters, network = model.experiment.target, model.parameters
    others = parameters.others
    count = network.neurons - model.followers
    if others.train == "untrained":
        return np.zeros((steps_of(parameters.duration, network.dt), count))
    table = drives.noise(
        model.stream(f"targets of others {pattern}"),
        count,
        parameters.duration,
        network.dt,
        tau_c=others.tau_c,
        sd=others.sd,
    )
    if others.train == "drive":
        return table
    rate = as_rate(network, table)
    if others.filtered:
        from simcore.tracking import filtered_by_synapse

        return filtered_by_synapse(rate, network.tau_s, network.dt)
    return rate
