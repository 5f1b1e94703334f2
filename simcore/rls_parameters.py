"""Parameters of networks trained by recursive least squares: one group for each experiment.

Figures named in the descriptions are those of Kim & Chow 2018 as implemented (docs/rls.md).
"""

import math
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from simcore.errors import UserError
from simcore.parameter_types import (
    Finite,
    Name,
    NotNegative,
    Parameters,
    Positive,
    PositiveTime,
    Probability,
    Time,
    Word,
    parameter,
)
from simcore.rls_numbers import DAMAGED, NUMBERS, WITH_TRANSFER, headlines
from simcore.study_files import read_yaml

Interval = tuple[PositiveTime, PositiveTime]


class RLSNetwork(Parameters):
    """The network before training."""

    neurons: int = parameter(200, "neurons", "their number, N", ge=2)
    neuron: Literal["theta", "leaky", "izhikevich", "rate"] = parameter(
        "theta", "1", "kind of neuron: theta, leaky integrate-and-fire, Izhikevich, or rate units"
    )
    p: Probability = parameter(0.3, "1", "probability of a connection")
    presynaptic: Literal["independent", "grouped", "all"] = parameter(
        "independent",
        "1",
        "each neuron has presynaptic neurons of its own; or groups of neurons have them in common; "
        "or all neurons project to all",
    )
    groups: int = parameter(20, "1", "number of groups, if grouped", ge=1)
    initial: Literal["random", "zero", "balanced"] = parameter(
        "random", "1", "weights before training; balanced: excitatory and inhibitory neurons"
    )
    strength: NotNegative = parameter(
        1, "1", "sd of random weights times sqrt(N p); balanced: J, weight times sqrt(N p)"
    )
    zero_sum: bool = parameter(
        False, "1", "whether the mean of the weights onto each neuron is subtracted from them"
    )
    excitatory: Probability = parameter(0.8, "1", "balanced: part of the neurons")
    inhibition: NotNegative = parameter(5, "1", "balanced: g, inhibitory over excitatory weights")
    weight_spread: NotNegative = parameter(0, "1", "balanced: relative sd of the weights")
    tau_s: PositiveTime = parameter(20, "ms", "decay of the synaptic drive")
    dt: PositiveTime = parameter(1, "ms", "time step", le=10)
    constant_input: Finite | None = parameter(
        None,
        "1",
        "to each neuron; default: 1 for leaky (their threshold) and Izhikevich neurons, else 0",
    )
    current_scale: Positive = parameter(
        5, "1", "Izhikevich: current per unit of drive and external input"
    )

    @property
    def input(self):
        """The constant input, its default filled in."""
        if self.constant_input is not None:
            return self.constant_input
        return 1.0 if self.neuron in ("leaky", "izhikevich") else 0.0

    @property
    def probability(self):
        """The probability of a connection; one if all neurons project to all."""
        return 1.0 if self.presynaptic == "all" else self.p

    @property
    def shared_sets(self):
        """How many sets of presynaptic neurons there are that several neurons have in common."""
        return {"independent": 0, "grouped": self.groups, "all": 1}[self.presynaptic]

    @model_validator(mode="after")
    def _possible(self):
        if self.presynaptic == "grouped" and self.neurons % self.groups:
            raise ValueError(
                f"{self.neurons} neurons cannot be cut into {self.groups} equal groups: choose a "
                "number of groups that divides them"
            )
        if self.presynaptic != "independent" and self.initial == "balanced":
            raise ValueError(
                "in a balanced network each neuron has presynaptic neurons of its own: set "
                "presynaptic to independent"
            )
        if round(self.probability * (self.neurons - 1)) < 1:
            raise ValueError(
                f"with p {self.p:g} most of the {self.neurons} neurons have no presynaptic "
                "neuron: make p or the network larger"
            )
        return self


class Others(Parameters):
    """Neurons beyond the first ``followers``, which do not follow the target itself."""

    train: Literal["drive", "rate", "untrained"] = parameter(
        "drive", "1", "what of them is trained to follow noise of their own"
    )
    tau_c: PositiveTime = parameter(200, "ms", "correlation time of that noise")
    sd: Positive = parameter(0.5, "1", "standard deviation of that noise")
    filtered: bool = parameter(
        False, "1", "whether the noise is turned into a rate that is filtered with tau_s (figure 5)"
    )


class RLSTargetBase(Parameters):
    """What the kinds of target have in common."""

    duration: PositiveTime = parameter(1000, "ms", "of the target: the trained window")
    patterns: int = parameter(1, "1", "number of targets, each with a stimulus of its own", ge=1)
    random_fraction: float = parameter(
        1, "1", "part of the neurons with a target of their own; the rest share one", ge=0, le=1
    )
    followers: int | None = parameter(None, "neurons", "that follow the target; default: all", ge=1)
    others: Others = Others()


class PeriodicTarget(RLSTargetBase):
    """Sines, or products of two sines, with random amplitude, periods and phases."""

    kind: Literal["periodic"] = Field(description="kind of target")
    amplitude: tuple[NotNegative, NotNegative] = parameter(
        (0.5, 1.5), "1", "lowest, highest; or one number for both"
    )
    period: Interval = parameter((500, 1000), "ms", "of the first sine: lowest, highest")
    second_period: Interval | None = parameter(
        (100, 500), "ms", "of the second sine; null: one sine only"
    )

    @field_validator("amplitude", mode="before")
    @classmethod
    def _one_for_both(cls, value):
        return (value, value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _ordered(self):
        for name in ("amplitude", "period", "second_period"):
            low, high = getattr(self, name) or (0, 0)
            if low > high:
                raise ValueError(f"{name}: the lowest is above the highest")
        return self


class RateModelTarget(RLSTargetBase):
    """The activity of a random network of rate units."""

    kind: Literal["ratemodel"] = Field(description="kind of target")
    tau: PositiveTime = parameter(40, "ms", "time constant of the units")
    gain: Positive = parameter(5, "1", "of their weights")
    run_in: Time = parameter(
        300,
        "ms",
        "before the window; 1100 in the authors' program, where some networks of 200 have come to "
        "rest by then",
    )
    connected: Probability = parameter(0.3, "1", "probability of a connection among them")


class OUTarget(RLSTargetBase):
    """Ornstein-Uhlenbeck noise, independent for each neuron."""

    kind: Literal["ou"] = Field(description="kind of target")
    tau_c: PositiveTime = parameter(200, "ms", "correlation time")
    s: Positive = parameter(0.3, "1", "strength of the noise, per square root of 10 ms")
    sd: Positive | None = parameter(
        None, "1", "standard deviation, of exactly stationary noise; default: what s gives"
    )


class MixtureTarget(RLSTargetBase):
    """Mixtures of a few Ornstein-Uhlenbeck processes, different for each neuron."""

    kind: Literal["mixture"] = Field(description="kind of target")
    sources: int = parameter(20, "1", "number of processes", ge=1)
    tau_c: PositiveTime = parameter(100, "ms", "correlation time")
    sd: Positive = parameter(0.5, "1", "standard deviation")


class ChannelTarget(RLSTargetBase):
    """What the targets of the clock share when neurons follow their channels in equal parts."""

    low: Finite = parameter(-0.5, "1", "drive of a channel that is off")
    high: Finite = parameter(1, "1", "drive of a channel that is fully on")


class SymbolsTarget(ChannelTarget):
    """The clock's symbol sequence, one channel for each symbol, as synaptic drives."""

    kind: Literal["symbols"] = Field(description="kind of target")
    sequence: Word = parameter("ABCBA", "1", "letters in their order", pattern=r"^[A-Za-z0-9]+$")


class SongTarget(ChannelTarget):
    """The channels of the study's song, as synaptic drives."""

    kind: Literal["song"] = Field(description="kind of target")


class InnateTarget(RLSTargetBase):
    """What the untrained network itself does after the stimulus (figure 4)."""

    kind: Literal["innate"] = Field(description="kind of target")
    run_in: Time = parameter(3000, "ms", "before the stimulus")
    smoothing: Time = parameter(0, "ms", "sd of a Gaussian low-pass of the recorded drive")


class CorticalTarget(RLSTargetBase):
    """Trial-averaged rates as of cortical neurons: synthetic ones, or a user's own file."""

    kind: Literal["cortical"] = Field(description="kind of target")
    lowest_mean: NotNegative = parameter(0, "Hz", "synthetic: neurons below are drawn again")
    file: str | None = Field(
        None,
        description="table of rates in Hz, time by neuron (.npy, .csv, .zarr); default: synthetic",
        json_schema_extra={"unit": "file"},
    )
    file_dt: PositiveTime = parameter(1, "ms", "time between two rows of the file")


class DriveFileTarget(RLSTargetBase):
    """Target drives from a user's file."""

    kind: Literal["file"] = Field(description="kind of target")
    file: str = Field(
        description="table of drives, time by neuron (.npy, .csv, .zarr)",
        json_schema_extra={"unit": "file"},
    )
    file_dt: PositiveTime = parameter(1, "ms", "time between two rows of the file")


RLSTarget = Annotated[
    PeriodicTarget
    | RateModelTarget
    | OUTarget
    | MixtureTarget
    | SymbolsTarget
    | SongTarget
    | InnateTarget
    | CorticalTarget
    | DriveFileTarget,
    Field(discriminator="kind"),
]


class RLSInput(Parameters):
    """External input: the stimulus that starts a pattern, and frozen noise."""

    amplitude: NotNegative = parameter(
        2, "1", "of the stimulus: uniform between minus and plus this, drawn once per pattern"
    )
    duration: PositiveTime = parameter(100, "ms", "of the stimulus")
    frozen_noise: NotNegative = parameter(
        0, "1", "sd of noise during the window, the same in every trial"
    )
    frozen_tau: PositiveTime = parameter(20, "ms", "its correlation time")


class RLSTraining(Parameters):
    """Recursive least squares."""

    model_config = ConfigDict(populate_by_name=True)

    what: Literal["drive", "rate"] = parameter(
        "drive", "1", "what follows the target: the synaptic drive, or the firing rate"
    )
    loops: int = parameter(10, "1", "passes over all patterns", ge=1)
    update_every: PositiveTime = parameter(10, "ms", "time between two updates")
    lambda_: Positive = parameter(
        1,
        "1",
        "weight of the change from the initial weights; P begins as 1/lambda",
        alias="lambda",
    )
    free_run: Time = parameter(200, "ms", "before the stimulus, in each loop")
    drive_after_learning: Literal["stale", "fresh"] = parameter(
        "stale",
        "1",
        "drive with which the step after an update integrates: that of the old weights, as in the "
        "authors' program, or of the new",
    )
    smoothing: Positive = parameter(0.1, "1", "c of the transfer function, in rate training")
    dale: Literal["none", "freeze", "clip", "skip"] = parameter(
        "none",
        "1",
        "what happens to a weight whose sign would turn: nothing special; it keeps its value for "
        "ever (the paper); it becomes zero; it is not changed this time",
    )
    inverse: Literal["packed 64-bit", "packed 32-bit", "full 64-bit"] = parameter(
        "packed 64-bit",
        "1",
        "how each neuron's P is stored; neurons with common presynaptic neurons (grouped, all) "
        "share one, packed in 64 bits, whatever stands here",
    )
    test_at: tuple[int, ...] | None = parameter(
        None, "1", "loops after which the network is tested; default: 1, 2, 5, 10, 20, 50 and so on"
    )

    @property
    def tests(self):
        """Numbers of loops after which the network is tested: the last one always."""
        if self.test_at is not None:
            chosen = self.test_at
        else:
            chosen = [m * 10**n for n in range(6) for m in (1, 2, 5)]
        return sorted({loop for loop in chosen if 0 < loop < self.loops} | {self.loops})


class RLSDamage(Parameters):
    """What is done to a trained network before it is tested once more."""

    kind: Literal["neurons", "synapses", "noise", "shuffle", "stimulus", "other stimulus"] = Field(
        description="neurons silenced; synapses deleted; weights multiplied by 1 + noise; weights "
        "among followers shuffled; stimulus multiplied; another stimulus in its place, multiplied"
    )
    amounts: tuple[NotNegative, ...] = parameter(
        (0.05, 0.1, 0.4),
        "1",
        "parts of the neurons or synapses; sd of the noise; factors",
        min_length=1,
    )
    draws: int = parameter(10, "1", "each with damage of its own", ge=1)

    @model_validator(mode="after")
    def _parts(self):
        if self.kind in ("neurons", "synapses", "shuffle") and max(self.amounts) > 1:
            raise ValueError(f"the parts of the {self.kind} (amounts) cannot exceed 1")
        return self


class RLSTest(Parameters):
    """Test from random starts, with fixed weights."""

    starts: int = parameter(10, "1", "each with random phases", ge=2)
    free_run: Time = parameter(600, "ms", "before the stimulus")
    after: Time = parameter(0, "ms", "recorded after the window")
    noise: NotNegative = parameter(0, "1", "sd of white noise in the external input, per 10 ms")
    psth_sd: PositiveTime = parameter(30, "ms", "sd of the Gaussian that smooths rates")
    damage: tuple[RLSDamage, ...] = parameter((), "1", "tests of the damaged network")
    delete_spike: Time | None = parameter(
        None, "ms", "in the window: one spike is deleted then, to see what becomes of it"
    )


class Series(Parameters):
    """One parameter that takes several values in turn, a network trained for each."""

    key: str = Field(description="such as target.random_fraction", json_schema_extra={"unit": "1"})
    values: tuple[Finite | str, ...] = Field(
        description="that it takes", min_length=1, json_schema_extra={"unit": "1"}
    )

    @field_validator("values")
    @classmethod
    def _values_differ(cls, values):
        if len(set(values)) < len(values):
            raise ValueError("a value stands there twice")
        return values


class Experiment(Parameters):
    """One experiment: networks, what they learn, how they are trained and tested."""

    network: RLSNetwork = RLSNetwork()
    target: RLSTarget = Field(description="what is to be followed", json_schema_extra={"unit": "1"})
    input: RLSInput = RLSInput()
    training: RLSTraining = RLSTraining()
    test: RLSTest = RLSTest()
    networks: int = parameter(1, "1", "number of networks, each with its own seed", ge=1)
    series: Series | None = parameter(None, "1", "one parameter that takes several values")
    about: str = parameter("", "1", "what it shows, in a sentence")
    known: str = parameter(
        "", "1", "what others found, and what is different here, for the caption; not of its base"
    )

    @model_validator(mode="after")
    def _fits_together(self):
        network, training, target = self.network, self.training, self.target
        rates = training.what == "rate" or (self.trains_others and target.others.train == "rate")
        if rates and network.neuron not in WITH_TRANSFER:
            raise ValueError(
                f"rates of {network.neuron} neurons cannot be trained, for want of a transfer "
                "function: set training.what to drive"
            )
        if rates and network.presynaptic != "independent":
            raise ValueError(
                "rate training needs an inverse for each neuron, for gains differ: set "
                "network.presynaptic to independent"
            )
        if target.followers is not None and target.followers > network.neurons:
            raise ValueError(
                f"target.followers is {target.followers}, but the network has only "
                f"{network.neurons} neurons"
            )
        if training.dale != "none" and network.initial != "balanced":
            raise ValueError(
                "training.dale needs neurons of one sign (Dale's law): set network.initial to "
                "balanced"
            )
        if target.kind == "cortical" and network.neuron not in WITH_TRANSFER:
            raise ValueError(
                f"{network.neuron} neurons cannot follow cortical rates, for want of a transfer "
                f"function: set network.neuron to {' or '.join(WITH_TRANSFER)}"
            )
        if target.random_fraction < 1 and self.follows_channels:
            raise ValueError(
                f"neurons share the channels of a target of kind {target.kind} already: leave "
                "target.random_fraction at 1"
            )
        if target.kind == "innate" and training.what == "rate":
            raise ValueError("an innate target is a drive: set training.what to drive")
        self._check_times()
        return self

    def _check_times(self):
        dt = self.network.dt
        times = {
            "training.update_every": self.training.update_every,
            "input.duration": self.input.duration,
            "target.duration": self.target.duration,
            "training.free_run": self.training.free_run,
            "test.free_run": self.test.free_run,
            "test.after": self.test.after,
            "test.delete_spike": self.test.delete_spike or 0,
            "target.run_in": getattr(self.target, "run_in", 0),
        }
        for key, time in times.items():
            steps = time / dt
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(
                    f"{key} is {time:g} ms, which is no whole number of steps of {dt:g} ms "
                    "(network.dt)"
                )
        constants = {
            "network.tau_s": self.network.tau_s,
            "target.tau_c": getattr(self.target, "tau_c", math.inf),
            "target.tau": getattr(self.target, "tau", math.inf),
            "target.others.tau_c": self.target.others.tau_c,
            "input.frozen_tau": self.input.frozen_tau,
        }
        for key, time in constants.items():
            if time < dt:
                raise ValueError(
                    f"{key} is {time:g} ms, shorter than a step of {dt:g} ms (network.dt): make "
                    "dt smaller"
                )
        if self.training.update_every > self.target.duration:
            raise ValueError("training.update_every is longer than the target: nothing would learn")
        delete = self.test.delete_spike
        if delete is not None and delete >= self.target.duration:
            raise ValueError("test.delete_spike must lie within the target's duration")
        if delete is not None and not self.spikes:
            raise ValueError("test.delete_spike: rate units have no spikes, leave it out")

    @property
    def trains_others(self):
        """Whether there are neurons that do not follow the target itself."""
        followers = self.target.followers
        return followers is not None and followers < self.network.neurons

    @property
    def follows_channels(self):
        """Whether its neurons share the channels of one of the clock's targets."""
        return isinstance(self.target, ChannelTarget)

    @property
    def conditions(self):
        """The experiment for each value of its series: a list of (value, Experiment)."""
        if self.series is None:
            return [(None, self)]
        return [(value, self.with_value(value)) for value in self.series.values]

    def labels(self, name):
        """How the ids of summary.json begin: for the experiment, or for each value of a series."""
        if self.series is None:
            return [f"rls.{name}"]
        values = (
            f"{value:g}" if isinstance(value, float) else value for value in self.series.values
        )
        return [f"rls.{name}[{value}]" for value in values]

    def with_value(self, value):
        """Return the experiment with one value of the series, and without the series."""
        data = self.model_dump(by_alias=True) | {"series": None}
        *groups, last = self.series.key.split(".")
        place = data
        for group in groups:
            place = place.get(group)
            if not isinstance(place, dict):
                break
        if not isinstance(place, dict) or last not in place:
            raise ValueError(f"series.key is {self.series.key}, but there is no such parameter")
        place[last] = value
        return Experiment.model_validate(data)

    @model_validator(mode="after")
    def _series_is_possible(self):
        if self.series is not None:
            for value in self.series.values:
                changed = self.with_value(value)
                if _shape(changed) != _shape(self):
                    raise ValueError(
                        f"series.key is {self.series.key}, but the networks of one experiment have "
                        "one size, kind, duration of stimulus and target, number of patterns, "
                        "and equal tests: make them several experiments"
                    )
        return self

    @property
    def runs(self):
        """The networks to train: a list of (value of the series or None, Experiment, network)."""
        return [
            (value, condition, network)
            for value, condition in self.conditions
            for network in range(self.networks)
        ]

    @property
    def example(self):
        """The place in ``runs`` of the network of which whole trials are stored."""
        return len(self.runs) - self.networks

    @property
    def training_ms(self):
        """Simulated ms of the training of one network."""
        trial = self.training.free_run + self.input.duration + self.target.duration
        return self.training.loops * self.target.patterns * trial

    @property
    def bits(self):
        """Of the numbers in the inverses P."""
        own = self.network.presynaptic == "independent"
        return 32 if own and self.training.inverse == "packed 32-bit" else 64

    @property
    def memory_needed(self):
        """Bytes that the inverses P of one network take."""
        network = self.network
        rows = network.probability * network.neurons
        packed = rows * (rows + 8) / 2
        if network.shared_sets:
            return network.shared_sets * packed * self.bits // 8
        untrained = self.trains_others and self.target.others.train == "untrained"
        trained = self.target.followers if untrained else network.neurons
        numbers = rows**2 if self.training.inverse == "full 64-bit" else packed
        return trained * numbers * self.bits // 8

    @property
    def spikes(self):
        """Whether its neurons fire spikes."""
        return self.network.neuron != "rate"


def _shape(experiment):
    """What all networks of one experiment must have in common, for one store to hold them."""
    network, target, training = experiment.network, experiment.target, experiment.training
    return (
        (experiment.networks, network.neurons, network.neuron, network.dt),
        (network.initial == "balanced", network.excitatory, experiment.input.duration),
        (
            target.duration,
            target.patterns,
            target.followers,
            len(set(getattr(target, "sequence", ""))),
        ),
        (training.what, training.tests, training.dale, experiment.test),
    )


class RLS(Parameters):
    """Networks trained by recursive least squares."""

    experiments: tuple[str, ...] = parameter(
        (), "1", "names of those to run, of config/experiments.yaml or of own ones (key define)"
    )
    define: dict[Name, Experiment] = parameter(
        {}, "1", "own experiments by name; `base: NAME` begins with the keys of another one"
    )

    @model_validator(mode="after")
    def _names_exist(self):
        for name in self.experiments:
            if name not in self.define:
                raise ValueError(
                    f"there is no experiment {name}: config/experiments.yaml lists them; own ones "
                    "are described under rls.define"
                )
        if len(set(self.experiments)) < len(self.experiments):
            raise ValueError("experiments names one twice")
        return self

    @property
    def chosen(self):
        """The experiments to run, by name."""
        return {name: self.define[name] for name in self.experiments}

    def summary_ids(self):
        """The ids of summary.json, in their order."""
        ids = []
        for name, experiment in self.chosen.items():
            parts = headlines(experiment)
            ids += [f"{label}.{part}" for label in experiment.labels(name) for part in parts]
        if {"periodic", "ratemodel", "ou"} <= set(self.experiments):
            ids.append("rls.untrained.correlation")
        return ids

    def measures(self):
        """Ids of all that a sweep can keep of the defined experiments of one network each."""
        ids = []
        for name, experiment in self.define.items():
            if experiment.series is None and experiment.networks == 1:
                kinds = dict.fromkeys(damage.kind for damage in experiment.test.damage)
                parts = DAMAGED if experiment.follows_channels else DAMAGED[:1]
                damaged = [f"damaged.{kind}.{part}" for kind in kinds for part in parts]
                ids += [f"rls.{name}.{part}" for part in [*NUMBERS, *damaged]]
        return ids

    @field_validator("define")
    @classmethod
    def _name_is_free(cls, define):
        if "untrained" in define:
            raise ValueError("an experiment cannot be named untrained: it is a number of all")
        return define


@cache
def read_experiments(path):
    """Read a file of experiments by name, as YAML, once in a process.

    Raises
    ------
    UserError
        It is no YAML, or gives a key twice.
    """
    return read_yaml(path)


def with_bases(defined, wanted=None):
    """Complete experiments that begin with the keys of another one (``base``).

    Parameters
    ----------
    defined : dict of str to dict
        As read from YAML.
    wanted : iterable of str, optional
        Names of those to complete; default: all.

    Returns
    -------
    dict of str to dict

    Raises
    ------
    UserError
        A base does not exist, or begins with itself.
    """
    return {name: _complete(name, defined, ()) for name in (defined if wanted is None else wanted)}


def _complete(name, defined, seen):
    given = defined[name]
    if not isinstance(given, dict) or "base" not in given:
        return given
    base = given["base"]
    if not isinstance(base, str) or base not in defined:
        raise UserError(f"rls.define.{name}: its base {base} is no experiment: mend the name.")
    if base in (*seen, name):
        raise UserError(f"rls.define.{name}: begins with itself by way of {base}: mend base.")
    own = {key: value for key, value in given.items() if key != "base"}
    of_base = _complete(base, defined, (*seen, name))
    return _merged({key: value for key, value in of_base.items() if key != "known"}, own)


def _merged(base, changes):
    """A nested dict with changes; a target of another kind replaces the base's."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    if changes.get("kind", base.get("kind")) != base.get("kind"):
        return changes
    return base | {
        key: _merged(base[key], value) if key in base else value for key, value in changes.items()
    }
