"""Every parameter of a study: name, unit, default, bounds, source.

A study file (``config/*.yaml``) is read into :class:`Study`; whatever it leaves out has the default
given here. Times are plain numbers in ms or text with a unit (``25 min``). Where each default comes
from: :mod:`simcore.documentation`.
"""

import difflib
import itertools
import os
import re
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from simcore.errors import UserError
from simcore.numerics import steps_of
from simcore.parameter_types import (
    NAME,
    Finite,
    Folder,
    Name,
    NotNegative,
    Parameters,
    Part,
    Positive,
    PositiveTime,
    Probability,
    Time,
    parameter,
    quoted,
)
from simcore.rls_parameters import RLS, RLSTarget, with_bases
from simcore.sweep_parameters import Sweeps
from simcore.targets import BASELINE, LEAD_FRACTION, ON_RATE, SONG_START

# What is measured of a clock's replay, and of its timing over the passes.
RHYTHM = (
    *("rate_e", "rate_i", "period_mean", "period_sd", "order"),
    *("dwell_time", "broken_links"),
)
VARIABILITY = (
    *("coefficient", "rmse_sqrt", "rmse_linear"),
    *("last_cluster_mean", "last_cluster_sd", "passes", "left_out"),
)
# The leading complex pair of the matrix reduced to clusters, before and after learning, and of the
# matrix of all neurons.
SPECTRUM = (
    *("leading_real", "leading_imaginary", "before_real", "before_imaginary"),
    *("over_ring", "neurons_real", "neurons_imaginary"),
)
STUDY_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"


class NeuronE(Parameters):
    """Excitatory neuron: adaptive exponential integrate-and-fire with a moving threshold."""

    tau_m: PositiveTime = parameter(20, "ms", "membrane time constant")
    C: Positive = parameter(300, "pF", "capacitance")
    E_L: Finite = parameter(-70, "mV", "resting potential")
    D_T: Positive = parameter(2, "mV", "slope of the exponential")
    V_spike: Finite = parameter(20, "mV", "a spike is counted above this potential")
    V_T0: Finite = parameter(-52, "mV", "threshold at rest")
    A_T: Finite = parameter(10, "mV", "rise of the threshold after a spike")
    tau_T: PositiveTime = parameter(30, "ms", "time constant of the threshold")
    V_reset: Finite = parameter(-60, "mV", "reset potential")
    tau_ref: PositiveTime = parameter(5, "ms", "refractory period")
    b: Finite = parameter(1000, "pA", "adaptation current added by a spike")
    tau_w: PositiveTime = parameter(100, "ms", "time constant of the adaptation current")
    E_E: Finite = parameter(0, "mV", "excitatory reversal potential")
    E_I: Finite = parameter(-75, "mV", "inhibitory reversal potential")


class NeuronI(Parameters):
    """Inhibitory neuron: leaky integrate-and-fire."""

    tau_m: PositiveTime = parameter(20, "ms", "membrane time constant")
    C: Positive = parameter(300, "pF", "capacitance")
    E_L: Finite = parameter(-62, "mV", "resting potential")
    V_spike: Finite = parameter(-52, "mV", "threshold")
    V_reset: Finite = parameter(-60, "mV", "reset potential")
    tau_ref: PositiveTime = parameter(5, "ms", "refractory period")
    E_E: Finite = parameter(0, "mV", "excitatory reversal potential")
    E_I: Finite = parameter(-75, "mV", "inhibitory reversal potential")


class Filters(Parameters):
    """Synaptic filters: a difference of two exponentials."""

    tau_rise_E: PositiveTime = parameter(1, "ms", "rise of excitatory synapses")
    tau_decay_E: PositiveTime = parameter(6, "ms", "decay of excitatory synapses")
    tau_rise_I: PositiveTime = parameter(0.5, "ms", "rise of inhibitory synapses")
    tau_decay_I: PositiveTime = parameter(2, "ms", "decay of inhibitory synapses")

    @model_validator(mode="after")
    def _rise_differs_from_decay(self):
        if self.tau_rise_E == self.tau_decay_E or self.tau_rise_I == self.tau_decay_I:
            raise ValueError("rise and decay must differ: conductance is divided by the difference")
        return self


class StartWeights(Parameters):
    """Random weights before learning, for N_E = 2400; scaled by 1/sqrt(N_E/2400)."""

    e_to_e: NotNegative = parameter(2.83, "pF", "E to E")
    i_to_e: NotNegative = parameter(62.87, "pF", "I to E")
    e_to_i: NotNegative = parameter(1.96, "pF", "E to I")
    i_to_i: NotNegative = parameter(20.91, "pF", "I to I")


class External(Parameters):
    """External Poisson input."""

    rate_e: NotNegative = parameter(
        4.5, "kHz", "to each E neuron; in a synfire chain by default 2.75"
    )
    rate_i: NotNegative = parameter(2.25, "kHz", "to each I neuron")
    weight_e: NotNegative = parameter(1.6, "pF", "of an event to an E neuron")
    weight_i: NotNegative = parameter(1.52, "pF", "of an event to an I neuron")


class Stimulation(Parameters):
    """Embedding: clusters are stimulated in turn."""

    on: PositiveTime = parameter(10, "ms", "stimulation of one cluster")
    gap: Time = parameter(5, "ms", "pause until the next")
    rate: NotNegative = parameter(18, "kHz", "added to the external rate of its neurons")
    unstimulated: Literal["excitatory", "inhibitory"] = parameter(
        "excitatory",
        "1",
        "filters in which an external event to an unstimulated E neuron counts: with minus the "
        "weight below in the excitatory ones (authors' code) or plus it in the inhibitory ones",
    )
    unstimulated_weight: NotNegative = parameter(0.8, "pF", "size of such an event")
    order: Literal["sequential", "random"] = parameter(
        "sequential", "1", "order of the clusters; random gives assemblies without a direction"
    )


class PotentialRule(Parameters):
    """What the voltage rule (Clopath et al. 2010) has in common wherever it is used."""

    A_depression: NotNegative = parameter(
        0.0014, "pF/(mV ms)", "depression; a presynaptic spike counts with it times dt"
    )
    A_potentiation: NotNegative = parameter(0.0008, "pF/(mV^2 ms)", "potentiation")
    V_theta: Finite = parameter(-49, "mV", "potential above which potentiation sets in")
    E_L: Finite = parameter(-70, "mV", "potential above which the filtered potentials count")
    tau_u: PositiveTime = parameter(10, "ms", "low-pass of the potential, depression")
    tau_v: PositiveTime = parameter(7, "ms", "low-pass of the potential, potentiation")


class VoltageRule(PotentialRule):
    """Plasticity of E to E synapses: the voltage rule with subtractive normalization."""

    tau_x: PositiveTime = parameter(3.5, "ms", "presynaptic trace")
    w_min: NotNegative = parameter(1.45, "pF", "lower bound")
    w_max: Positive = parameter(32.68, "pF", "upper bound")
    normalization: PositiveTime = parameter(20, "ms", "interval between normalizations")


class InhibitoryRule(Parameters):
    """Plasticity of I to E synapses (Vogels et al. 2011)."""

    eta: NotNegative = parameter(1, "pF", "rate")
    tau_y: PositiveTime = parameter(20, "ms", "traces of both sides")
    r_0: NotNegative = parameter(0.003, "kHz", "target rate of E neurons")
    w_min: NotNegative = parameter(48.7, "pF", "lower bound")
    w_max: Positive = parameter(243, "pF", "upper bound")


SIZES = ("clusters", "cluster_size", "neurons_e", "neurons_i")


class Clock(Parameters):
    """The recurrent network that learns to keep time."""

    connectivity: Literal["trained", "hard-wired", "synfire"] = parameter(
        "trained", "1", "how the network comes about: by learning, or set by hand"
    )
    weights: str | None = parameter(
        None,
        "file",
        "trained matrix in the authors' .mat layout (variable A, A[post, pre], E first, 4/5 of the "
        "neurons E), or another study's consolidation.zarr.zip or embedding.zarr.zip, or, if "
        "that study lies in the same folder of results, its name, or NAME/embedding for the clock "
        "before its consolidation; replaces all training",
    )
    clusters: int | None = parameter(
        None,
        "1",
        "number of clusters; default: neurons_e / cluster_size, or else 30 (in a synfire chain "
        "120)",
        ge=2,
    )
    cluster_size: int = parameter(
        80, "neurons", "E neurons of a cluster; in a synfire chain by default 1", ge=1
    )
    neurons_e: int | None = parameter(
        None, "neurons", "E neurons; default: clusters times cluster_size", ge=2
    )
    neurons_i: int | None = parameter(
        None, "neurons", "I neurons; default: a quarter of neurons_e", ge=1
    )
    p: Probability = parameter(0.2, "1", "probability of a connection")
    p_e_to_e: Probability | None = parameter(
        None, "1", "of E to E; default: p * 80 / cluster_size, at most 1; hard-wired: p"
    )
    start_weights: StartWeights = StartWeights()
    external: External = Field(
        External(), description="external input; in a synfire chain by default 2.75 kHz to E"
    )
    neuron_e: NeuronE = NeuronE()
    neuron_i: NeuronI = NeuronI()
    filters: Filters = Filters()
    threshold_after_spike: Literal["set", "add"] = parameter(
        "set", "1", "a spike sets the threshold to V_T0 + A_T, or adds A_T to it"
    )
    precision: Literal["32-bit", "64-bit"] = parameter(
        "32-bit", "1", "of all real variables of the network and its read-outs"
    )
    stimulation: Stimulation = Stimulation()
    voltage_rule: VoltageRule = VoltageRule()
    inhibitory_rule: InhibitoryRule = InhibitoryRule()
    balancing: Time = parameter(5e3, "ms", "run before the embedding, without stimulation")
    balancing_static: Time = parameter(1e3, "ms", "its first part, without plasticity")
    embedding: Time = parameter(3.6e6, "ms", "how long the clusters are stimulated in turn")
    consolidation: Time = parameter(
        3.6e6, "ms", "how long it runs spontaneously after that, with all plasticity"
    )

    @model_validator(mode="before")
    @classmethod
    def _sizes(cls, data):
        """Complete the sizes; those of a given matrix are known only when it is read."""
        if not isinstance(data, dict):
            return data
        data = data | {key: _whole(data[key]) for key in SIZES if key in data}
        sizes = [data.get(key) for key in ("clusters", "cluster_size", "neurons_e")]
        synfire = data.get("connectivity") == "synfire"
        external = data.get("external", {})
        if synfire and isinstance(external, dict):
            data = data | {"external": {"rate_e": 2.75} | external}
        # What is no size at all is told by the bounds of its field.
        sound = all(size is None or (isinstance(size, int) and size > 0) for size in sizes)
        if data.get("weights") or not sound:
            return data
        clusters, size, neurons = sizes
        size = size or (1 if synfire else 80)
        if neurons and clusters is None:
            clusters, rest = divmod(neurons, size)
            if rest:
                raise ValueError(
                    f"{neurons} E neurons (neurons_e) cannot be cut into clusters of {size} "
                    "(cluster_size): choose a size that divides them"
                )
        clusters = clusters or (120 if synfire else 30)
        neurons, inhibitory = neurons or clusters * size, data.get("neurons_i")
        if clusters * size != neurons:
            raise ValueError(
                f"{clusters} clusters of {size} are {clusters * size} E neurons, but neurons_e is "
                f"{neurons}: give two of clusters, cluster_size and neurons_e"
            )
        return data | {
            "clusters": clusters,
            "cluster_size": size,
            "neurons_e": neurons,
            "neurons_i": max(neurons // 4, 1) if inhibitory is None else inhibitory,
        }

    @property
    def learns(self):
        """Whether the network is trained in this study."""
        return self.weights is None and self.connectivity == "trained"

    @model_validator(mode="after")
    def _consistent(self):
        for name, rule in (
            ("voltage_rule", self.voltage_rule),
            ("inhibitory_rule", self.inhibitory_rule),
        ):
            if rule.w_min >= rule.w_max:
                raise ValueError(f"{name}.w_min must be below {name}.w_max")
        if self.balancing_static > self.balancing:
            raise ValueError("balancing_static is a part of balancing and cannot be longer")
        if self.weights is None and self.connectivity == "synfire" and self.cluster_size != 1:
            raise ValueError(
                f"a synfire chain is of single neurons, but cluster_size is {self.cluster_size}: "
                "leave it out"
            )
        return self

    @model_validator(mode="after")
    def _normalizations_are_frequent(self):
        """Traces refer to the last normalization: what grows back by too much loses its digits."""
        most = 8 if self.precision == "32-bit" else 25
        shortest = min(self.voltage_rule.tau_x, self.inhibitory_rule.tau_y)
        if self.voltage_rule.normalization > most * shortest:
            raise ValueError(
                f"voltage_rule.normalization is {self.voltage_rule.normalization:g} ms, but with "
                f"weights of {self.precision} it can be at most {most} times the shortest time "
                f"constant of the traces (tau_x, tau_y): {most * shortest:g} ms"
            )
        return self


class NeuronA(NeuronE):
    """Read-out neuron and supervisor: as the E neuron, without adaptation."""

    tau_ref: PositiveTime = parameter(1, "ms", "refractory period")
    b: Finite = parameter(0, "pA", "adaptation current added by a spike")


class NeuronH(NeuronI):
    """Interneuron of a read-out: as the I neuron, with a shorter refractory period."""

    tau_ref: PositiveTime = parameter(1, "ms", "refractory period")


class ReadoutRule(PotentialRule):
    """Plasticity of E to read-out synapses: the voltage rule with a soft upper bound."""

    tau_x: PositiveTime = parameter(5, "ms", "presynaptic trace")
    w_max: Positive = parameter(25, "pF", "soft upper bound")


class Readout(Parameters):
    """Read-out neurons, their supervisors and interneurons, and how long they learn."""

    neuron: NeuronA = NeuronA()
    interneuron: NeuronH = NeuronH()
    rule: ReadoutRule = ReadoutRule()
    threshold_after_spike: Literal["set", "add"] = parameter(
        "set", "1", "a spike sets the threshold to V_T0 + A_T, or adds A_T to it"
    )
    supervisor_to_readout: NotNegative = parameter(200, "pF", "S to A")
    interneuron_to_readout: NotNegative = parameter(200, "pF", "H to A, inhibitory")
    readout_to_interneuron: NotNegative = parameter(200, "pF", "A to H")
    external_weight: NotNegative = parameter(1.78, "pF", "of an external event to S and H")
    baseline_rate: NotNegative = parameter(
        BASELINE, "kHz", "external, to S without a target and to H"
    )
    burn_in: Time = parameter(50, "ms", "before the first target can start")
    alternation: PositiveTime = parameter(
        2e3, "ms", "duration of a block, when several sequences of one target alternate"
    )
    learning_block: PositiveTime = parameter(6e3, "ms", "learning between two tests")
    test: PositiveTime = parameter(
        10e3, "ms", "replay after each block; its correlation tells the progress"
    )
    learning_min: Time = parameter(12e3, "ms", "shortest learning")
    learning_max: PositiveTime = parameter(120e3, "ms", "longest learning")
    levelled_off: NotNegative = parameter(
        0.01,
        "1",
        "learning ends when the best correlation of a test has risen by less than this over three "
        "blocks; kept are, of the tests whose correlation is nearer than this to the best, the "
        "weights with the least error",
    )


class TargetBase(Parameters):
    """What the kinds of target have in common."""

    length: PositiveTime | None = parameter(
        None, "ms", "of the target; default: as many of the clock's periods as periods tells"
    )
    periods: Positive = parameter(
        0.95,
        "1",
        "length over the clock's measured period, if no length is given; rounded to ms. A longer "
        "target can use only every second pass, or fewer",
    )
    on_rate: Positive = parameter(
        ON_RATE, "kHz", "external input of a supervisor that is fully on", le=1000
    )


class SymbolTarget(TargetBase):
    """A sequence of symbols, one channel for each; several sequences alternate on one clock."""

    kind: Literal["symbols"] = Field(description="kind of target")
    sequence: str | list[str] = parameter(
        "ABCBA", "1", "letters or digits in their order; a list makes parallel sequences"
    )
    selected: str | None = parameter(
        None,
        "1",
        "of several sequences, the one to replay: the read-outs of the others are inhibited; "
        "default: the first",
    )
    readouts_of: str | None = parameter(
        None,
        "1",
        "name of another target, with the same sequences, whose read-outs replay this one too; "
        "default: read-outs of its own learn",
    )
    lead: float = parameter(
        LEAD_FRACTION, "1", "part of the length before the first symbol", ge=0, lt=1
    )

    @field_validator("sequence", mode="before")
    @classmethod
    def _quoted(cls, value):
        for word in value if isinstance(value, list) else [value]:
            quoted(word)
        return value

    @field_validator("sequence")
    @classmethod
    def _letters(cls, value):
        sequences = [value] if isinstance(value, str) else value
        if not sequences or not all(s.isalnum() for s in sequences):
            raise ValueError("a sequence is a word of letters or digits such as ABCBA")
        if len(set(sequences)) < len(sequences):
            raise ValueError("the same sequence is given twice: parallel sequences are different")
        return value

    @property
    def sequences(self):
        """All sequences, as a list."""
        return [self.sequence] if isinstance(self.sequence, str) else self.sequence

    @model_validator(mode="after")
    def _selected_exists(self):
        if self.selected is not None and self.selected not in self.sequences:
            raise ValueError(f"selected is {self.selected}, which is none of the sequences")
        return self


class SongTarget(TargetBase):
    """The song of the study (its keys ``song``, ``song_start``, ``song_duration``)."""

    kind: Literal["song"] = Field(description="kind of target")


class FileTarget(TargetBase):
    """Any other target: a table, time by channel, in .npy, .csv or .zarr."""

    kind: Literal["file"] = Field(description="kind of target")
    file: str = Field(description="path of the table", json_schema_extra={"unit": "file"})
    file_dt: PositiveTime = parameter(1, "ms", "time between two rows")
    file_unit: Literal["amplitude", "kHz"] = parameter(
        "amplitude", "1", "whether values are amplitudes of 0 to 1 (times on_rate) or rates in kHz"
    )


Target = Annotated[SymbolTarget | SongTarget | FileTarget, Field(discriminator="kind")]


def target_files(target, song):
    """Return the file that a target is made from, if any, by the role in which its stage takes it.

    Parameters
    ----------
    target : Target or simcore.rls_parameters.RLSTarget
    song : path-like
        The recording for targets of kind song.

    Returns
    -------
    dict of str to path-like
        ``song`` or ``file``, or nothing.
    """
    if target.kind == "song":
        return {"song": song}
    file = getattr(target, "file", None)
    return {"file": file} if file else {}


class Replay(Parameters):
    """Spontaneous activity after learning."""

    duration: PositiveTime = parameter(20e3, "ms", "of every replay")
    interneurons: Literal["removed", "connected"] = parameter(
        "removed", "1", "whether the interneurons of the read-outs take part in replay"
    )
    inhibition_rate: NotNegative = parameter(1, "kHz", "to read-outs of the other sequences")
    inhibition_weight: NotNegative = parameter(200, "pF", "of that input")


class Damage(Parameters):
    """What a trained clock has lost when it is replayed.

    Clock and read-outs learn undamaged, and targets are as long as the undamaged clock's period
    says. Losses of one seed are nested: a larger part contains the smaller one.
    """

    # What is not lost is not among the parameters of a replay (stage_parameters._damage): a
    # further kind of damage changes no replay without it.
    recurrent_synapses: Part = parameter(0, "1", "part of the E to E synapses that are deleted")
    links: int = parameter(
        0, "synapses", "deleted E to E synapses from a cluster to the next, wherever they are", ge=0
    )
    readout_synapses: Part = parameter(0, "1", "part of the synapses onto read-outs, deleted")
    neurons: Part = parameter(0, "1", "part of the E neurons that are silenced")
    clusters: int = parameter(
        0, "clusters", "silenced as a whole; the first, by which passes are found, never is", ge=0
    )
    recurrent_noise: NotNegative = parameter(
        0, "1", "E to E weights are multiplied by 1 plus noise of this sd, and are 0 at least"
    )
    readout_noise: NotNegative = parameter(0, "1", "the same of the weights onto read-outs")
    shuffled_inhibition: Part = parameter(
        0, "1", "part of the I to E weights that change places at random; none is lost"
    )
    shuffled_inhibition_onto_each: Part = parameter(
        0, "1", "the same among the synapses onto each E neuron: the sum onto it stays"
    )
    at: Time = parameter(0, "ms", "when in the replay it happens; before that all is whole")

    @property
    def any(self):
        """Whether anything is lost."""
        return self != Damage(at=self.at)


class Stability(Parameters):
    """Plasticity of the embedded weights under the spikes of another clock.

    Its weights send the spikes and stay as they are; those of this study learn from them.
    """

    driver: str | None = parameter(
        None,
        "file",
        "the consolidation.zarr.zip of the other clock, or the name of its study in the same "
        "folder of results; default: none",
    )
    duration: PositiveTime = parameter(3.6e6, "ms", "of that plasticity")


class Moments(Parameters):
    """Moments of the learning whose numbers the summary tells beside those of its end."""

    embedding: tuple[PositiveTime, ...] = parameter(
        (), "ms", "of the embedding: weights at the recorded moment that is nearest"
    )
    consolidation: tuple[PositiveTime, ...] = parameter((), "ms", "of the consolidation, likewise")
    readouts: dict[Name, PositiveTime] = parameter(
        {}, "ms", "of the read-outs, by target: after that much learning, a multiple of its block"
    )


class Run(Parameters):
    """How to run; none of this changes a result."""

    checkpoint_every: PositiveTime = parameter(120e3, "ms", "time between two checkpoints")
    progress_every: PositiveTime = parameter(10e3, "ms", "time between two lines of progress")
    threads: int = parameter(
        1, "1", "that share the training of one network by recursive least squares", ge=1
    )
    dask: Literal["threads", "distributed", "slurm"] = parameter(
        "threads", "1", "what gathers the points of a sweep: threads, processes here, jobs of Slurm"
    )
    dask_workers: int = parameter(2, "1", "processes or jobs that gather", ge=1)


RANGE_SOURCES = ("paper", "authors' code", "authors' data", "specification", "measured")


class Range(Parameters):
    """What a correct run of this study shows for one number of its summary."""

    low: Finite = Field(description="lowest value of a correct run")
    high: Finite = Field(description="highest value of a correct run")
    source: str = Field(
        description="where the range comes from, and after a colon how: paper, authors' code, "
        "authors' data, specification (the notes on both models that this project was built from, "
        "with what a prototype measured), measured (an earlier run here)"
    )
    whole: bool = Field(
        False,
        description="whether all of a number's interval must lie within, if it has one: of claims "
        "that something grows or falls",
    )
    song: str | None = Field(
        None,
        description="the one song of which this holds: made-up, or the first 8 or more digits of "
        "the recording's SHA-256; default: any",
    )

    @field_validator("source")
    @classmethod
    def _source_is_known(cls, source):
        if source.split(": ")[0] not in RANGE_SOURCES:
            raise ValueError(f"a range's source begins with one of {', '.join(RANGE_SOURCES)}")
        return source

    @field_validator("song")
    @classmethod
    def _song_is_identified(cls, song):
        if song is not None and not re.fullmatch("made-up|[0-9a-f]{8,64}", song):
            raise ValueError(
                "a range's song is made-up, or 8 or more digits of its SHA-256, in quotation marks"
            )
        return song

    def verdict(self, value, interval=None, bound=False):
        """Judge a number.

        Parameters
        ----------
        value : float or None
            None if there is none.
        interval : (float, float), optional
        bound : bool
            Whether the number is only a lower bound.

        Returns
        -------
        bool or None
            Whether it is right; None of a bound below ``high``, which may be anything above.
        """
        if value is None:
            return False
        if bound:
            return None if value <= self.high else False
        ends = interval if self.whole and interval is not None else (value, value)
        return self.low <= ends[0] and ends[1] <= self.high

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Study(Parameters):
    """A whole study."""

    study: str = Field(
        description="name of the study and of its folder of results",
        pattern=f"^{STUDY_NAME}$",
        json_schema_extra={"unit": "1"},
    )
    about: str = parameter(
        "", "1", "what it shows, in a sentence or two: the report begins with it"
    )
    results: Folder = parameter("results", "folder", "where the folders of results lie")
    kept: Folder | None = parameter(
        None,
        "folder",
        "what earlier runs kept, by study: trained clocks and points of sweeps that fit are taken "
        "from there (docs/stores.md)",
    )
    seed: int = parameter(1, "1", "from which all random streams are spawned", ge=0, lt=2**63)
    dt: PositiveTime = parameter(0.1, "ms", "time step", le=1)
    clock: Clock = Clock()
    targets: dict[Name, Target] = parameter(
        {}, "1", "what the read-outs learn: a name and a target each"
    )
    song: str | None = parameter(
        None, "file", "recording (.wav) for targets of kind song; default: a synthesized song"
    )
    song_fit: Literal["cut", "stretch"] = parameter(
        "cut", "1", "a piece longer than the target is cut to it, or squeezed into it"
    )
    song_start: Time = parameter(SONG_START, "ms", "where the piece of the recording begins")
    song_duration: PositiveTime | None = parameter(
        None, "ms", "how much of the recording must be there; default: as long as the target"
    )
    readout: Readout = Readout()
    replay: Replay = Replay()
    damage: Damage = Damage()
    stability: Stability = Stability()
    moments: Moments = Moments()
    methods: tuple[Literal["clock", "rls"], ...] = parameter(
        ("clock", "rls"),
        "1",
        "what runs beside the sweeps: the clock with its read-outs, networks trained by recursive "
        "least squares, both, or nothing",
    )
    rls: RLS = RLS()
    sweeps: Sweeps = Sweeps()
    run: Run = Run()
    expected: dict[str, Range] = parameter(
        {}, "1", "ranges for entries of summary.json, by id: low, high and source"
    )
    expected_of: str | None = parameter(
        None, "1", "name of the study to which the ranges belong; under another name it has none"
    )

    def ranges(self, song="made-up"):
        """Return the ranges that hold for this study and the song that it has.

        Parameters
        ----------
        song : str
            SHA-256 of the recording, or ``made-up``.
        """
        if self.expected_of not in (None, self.study):
            return {}
        return {
            name: known
            for name, known in self.expected.items()
            if known.song is None or song.startswith(known.song)
        }

    @model_validator(mode="before")
    @classmethod
    def _other_studies(cls, data):
        """Turn the name of another study into the path of its trained clock."""
        if not isinstance(data, dict):
            return data
        results = Path(os.path.expanduser(str(data.get("results", "results"))))
        for group, key in (("clock", "weights"), ("stability", "driver")):
            given = data.get(group)
            named = given.get(key) if isinstance(given, dict) else None
            if isinstance(named, str) and re.fullmatch(f"{STUDY_NAME}(/embedding)?", named):
                name, _, stage = named.partition("/")
                path = str(results / name / f"{stage or 'consolidation'}.zarr.zip")
                data = data | {group: given | {key: path}}
        return data

    @model_validator(mode="after")
    def _stability_needs_an_embedding(self):
        if not (self.stability.driver or ".zarr.zip").endswith(".zarr.zip"):
            raise ValueError(
                "stability.driver is the name of a study or its consolidation.zarr.zip"
            )
        if self.stability.driver and not self.clock.learns:
            raise ValueError(
                "stability.driver is about weights that were embedded, but this clock is not "
                "trained here: leave clock.weights out and connectivity at trained, or leave out "
                "stability.driver"
            )
        return self

    @model_validator(mode="after")
    def _clusters_are_there(self):
        clusters = self.clock.clusters
        if clusters is not None and self.damage.clusters > clusters:
            raise ValueError(
                f"damage.clusters is {self.damage.clusters}, but the clock has {clusters} clusters"
            )
        return self

    @model_validator(mode="after")
    def _damage_happens(self):
        if self.damage.at and self.damage.at >= self.replay.duration:
            raise ValueError(
                f"damage.at is {self.damage.at:g} ms, but the replay lasts "
                f"{self.replay.duration:g} ms: make one smaller or the other longer"
            )
        return self

    @model_validator(mode="after")
    def _something_is_to_do(self):
        experiments = "rls" in self.methods and self.rls.experiments
        if not ("clock" in self.methods or experiments or self.sweeps.run):
            raise ValueError(
                "nothing is to do: methods names no clock, rls.experiments no experiment that "
                "methods would run, and sweeps.run no sweep: name one"
            )
        return self

    @model_validator(mode="after")
    def _targets_last_a_step(self):
        for name, target in self.targets.items():
            if target.length is not None and target.length < self.dt:
                raise ValueError(
                    f"targets.{name}.length is {target.length:g} ms, less than a time step: "
                    "make it longer"
                )
        return self

    @model_validator(mode="after")
    def _shared_readouts_fit(self):
        for name, target in self.targets.items():
            other = self.readouts_of(name)
            if other == name:
                continue
            learned = self.targets.get(other)
            if learned is None or self.readouts_of(other) != other:
                raise ValueError(
                    f"targets.{name}.readouts_of: there is no other target {other} with read-outs "
                    "of its own"
                )
            free = {"selected", "readouts_of"}
            if learned.model_dump(exclude=free) != target.model_dump(exclude=free):
                raise ValueError(
                    f"targets.{name}.readouts_of: {other} has other keys: only selected may differ"
                )
        return self

    def readouts_of(self, name):
        """The name of the target that the read-outs have learned which replay this one."""
        return getattr(self.targets[name], "readouts_of", None) or name

    @model_validator(mode="after")
    def _step_is_short(self):
        if abs(round(1 / self.dt) * self.dt - 1) > 1e-9:
            raise ValueError(
                f"dt is {self.dt:g} ms, but 1 ms must be a whole number of steps: "
                "choose 0.2, 0.1 or 0.05"
            )
        shortest = min(value for group in self._groups() for value in _time_constants(group))
        if self.dt >= shortest:
            raise ValueError(
                f"dt is {self.dt:g} ms, but the shortest time constant is {shortest:g} ms: "
                "make dt smaller"
            )
        return self

    def _groups(self):
        clock, readout = self.clock, self.readout
        return (
            *(clock.neuron_e, clock.neuron_i, clock.filters),
            *(clock.voltage_rule, clock.inhibitory_rule),
            *(readout.neuron, readout.interneuron, readout.rule),
        )

    @field_validator("targets")
    @classmethod
    def _names_are_free(cls, targets):
        for name in {"clock", "intact"} & targets.keys():
            raise ValueError(
                f"a target cannot be named {name}: replay_{name} is of the clock alone"
            )
        return targets

    @model_validator(mode="after")
    def _moments_come(self):
        for stage in ("embedding", "consolidation"):
            for moment in getattr(self.moments, stage):
                if not self.clock.learns or moment > getattr(self.clock, stage):
                    raise ValueError(
                        f"moments.{stage}: {moment / 6e4:g} min lies beyond the clock's {stage}: "
                        "name earlier moments"
                    )
        for name in self.moments.readouts:
            if name not in self.targets or self.readouts_of(name) != name:
                raise ValueError(
                    f"moments.readouts: there is no target {name} with read-outs of its own"
                )
        for name, moment in self.moments.readouts.items():
            if steps_of(moment, self.dt) % steps_of(self.readout.learning_block, self.dt):
                raise ValueError(
                    f"moments.readouts.{name}: {moment / 1e3:g} s lies between two tests: name "
                    f"a multiple of readout.learning_block, {self.readout.learning_block / 1e3:g} s"
                )
        return self

    @model_validator(mode="after")
    def _expected_ids_exist(self):
        known = set(self.summary_ids())
        for name in self.expected:
            if name not in known:
                raise ValueError(f"expected: this study has no number {name}")
        return self

    def files(self):
        """Path of each file that the study reads, by its key."""
        files = {
            "clock.weights": self.clock.weights,
            "stability.driver": self.stability.driver,
            "song": self.song,
        } | {
            f"targets.{name}.file": getattr(target, "file", None)
            for name, target in self.targets.items()
        }
        files |= {
            f"rls.define.{name}.target.file": getattr(experiment.target, "file", None)
            for name, experiment in self.rls.chosen.items()
        }
        return {key: file for key, file in files.items() if file is not None}

    def summary_ids(self):
        """The ids of summary.json, in their order."""
        clock = self.clock_summary_ids() + self.sound_ids() if "clock" in self.methods else []
        rls = self.rls.summary_ids() if "rls" in self.methods else []
        return clock + rls + self.sweeps.summary_ids()

    def clock_summary_ids(self):
        """Those of the clock and its read-outs."""
        ids, parts = [], ("within", "forward", "backward", "rest")
        if self.clock.learns:
            ids += [f"clock.weights.{when}{part}" for when in ("", "embedded_") for part in parts]
            ids += [f"clock.weights.inhibition_{part}" for part in parts if part != "rest"]
            ids += ["clock.weights.relative_strength"]
            ids += [f"clock.spectrum.{part}" for part in SPECTRUM]
        for stage, moments in self.courses().items():
            for moment in moments:
                at = f"clock.weights.{stage}[{moment / 6e4:g}]"
                ids += [f"{at}.{part}" for part in (*parts, "i_to_e")]
        if self.stability.driver:
            runs = ("spontaneous", "driven")
            ids += [f"clock.stability.{run}{end}" for run in runs for end in ("", "_backward")]
        ids += [f"clock.replay.{part}" for part in RHYTHM]
        ids += [f"clock.variability.{part}" for part in VARIABILITY]
        for target in self.targets:
            parts = ("error", "correlation", "correlation_in_time")
            ids += [f"readout.{target}.{part}" for part in parts]
            ids += [f"readout.{target}.static_{part}" for part in parts[:2]]
        # Inhibited channels are easily right.
        for target in self.parallel:
            ids += [f"readout.{target}.used_error", f"readout.{target}.used_correlation"]
        for target, moment in self.moments.readouts.items():
            at = f"readout.{target}.learned[{moment / 1e3:g}]"
            ids += [f"{at}.error", f"{at}.correlation"]
        return ids

    def courses(self):
        """Moments of the embedding and of the consolidation that the summary tells, in ms."""
        stages = ("embedding", "consolidation")
        return {stage: getattr(self.moments, stage) for stage in stages if self.clock.learns}

    @property
    def parallel(self):
        """Names of the targets that are several sequences."""
        return [
            name
            for name, target in self.targets.items()
            if target.kind == "symbols" and len(target.sequences) > 1
        ]

    @property
    def songs(self):
        """Names of the targets that can be heard."""
        return [name for name, target in self.targets.items() if target.kind == "song"]

    def sound_ids(self):
        """Those of the songs, turned back into sound."""
        parts = ("sound_correlation", "sound_of_target")
        return [f"readout.{name}.{part}" for name in self.songs for part in parts]

    def measures(self):
        """Ids of all that a sweep can keep of this study."""
        of_whole_studies = (
            *("clock.spectrum.", "clock.stability."),
            *("clock.weights.embedded_", "clock.weights.relative_strength"),
        )
        ids = [
            name
            for name in self.clock_summary_ids()
            if not name.startswith(of_whole_studies) and "[" not in name
        ]
        for target in self.targets:
            parts = ("used_error", "used_correlation", "passes", "rate", "trained_synapses")
            ids += [f"readout.{target}.{part}" for part in parts]
        return list(dict.fromkeys(ids)) + self.rls.measures()


def _time_constants(group):
    return [value for name, value in group if name.startswith("tau_")]


EXPERIMENTS_FILE = "config/experiments.yaml"


def read_study(data, where="the configuration", experiments=None):
    """Validate a study.

    Parameters
    ----------
    data : dict
        As read from YAML.
    where : str
        For messages: the name of the file.
    experiments : dict, optional
        Experiments by name that ``rls.experiments`` may name besides those that it defines, as
        read from :data:`EXPERIMENTS_FILE`.

    Returns
    -------
    Study

    Raises
    ------
    UserError
        A sentence for each mistake: what, where, how to mend it.
    """
    try:
        return Study.model_validate(_with_experiments(data, experiments or {}))
    except ValidationError as error:
        problems = error.errors()
        failed = {problem["loc"][:-1] for problem in problems}
        # A list whose entry is wrong is not too short besides.
        told = [one for one in problems if one["type"] != "too_short" or one["loc"] not in failed]
        sentences = [sentence(problem, _file_of(problem, data, where)) for problem in told]
        raise UserError("\n".join(dict.fromkeys(sentences))) from None
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _file_of(problem, data, where):
    """The file in which a problem lies: that of the study, but for experiments it only names."""
    place = problem["loc"]
    named = place[:2] == ("rls", "define") and len(place) > 2
    return EXPERIMENTS_FILE if named and place[2] not in data["rls"].get("define", {}) else where


def _with_experiments(data, experiments):
    """Put the named experiments that a study uses beside those that it defines itself."""
    rls = data.get("rls") if isinstance(data, dict) else None
    if not isinstance(rls, dict) or not isinstance(rls.get("define", {}), dict):
        return data
    own = rls.get("define", {})
    known = experiments | own
    named = rls.get("experiments", ())
    words = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    used = [name for name in words if name in known]
    return data | {"rls": rls | {"define": with_bases(known, [*own, *used])}}


NAMED = "NAME"
# pydantic's words where they would puzzle a user.
WORDING = {
    "model_type": "here belongs a group of keys, indented below (config/README.md lists them)",
    "model_attributes_type": "here belongs a group of keys, indented below (config/README.md lists "
    "them)",
    "dict_type": "here belongs a group of named entries, indented below",
    "tuple_type": "here belongs a list, such as [one, other]",
}
# What the names that these patterns match are made of.
NAMES = {
    f"^{STUDY_NAME}$": "letters, digits, - and _, and begins with a letter or digit",
    NAME: "lowercase letters, digits and _, and begins with a letter",
}


def _whole(value):
    """A whole number however it is written, as pydantic takes it; anything else as it is."""
    try:
        return TypeAdapter(int).validate_python(value)
    except ValidationError:
        return value


def sentence(problem, where, model=Study):
    """One sentence for one of pydantic's problems."""
    path = [str(part) for part in problem["loc"]]
    if path[:1] == ["targets"]:
        del path[2:3]  # the kind, by which pydantic chose the model
    if path[:2] == ["rls", "define"] and path[3:4] == ["target"]:
        del path[4:5]
    key = ".".join(path)
    if problem["type"].startswith("union_tag"):
        kinds = _kinds(Target if path[:1] == ["targets"] else RLSTarget)
        named = problem["input"].get("kind") if isinstance(problem["input"], dict) else None
        given = "" if named is None else f" (it is {named!r})"
        return f"{where}: {key}: a target needs a kind, which is one of {', '.join(kinds)}{given}."
    if problem["type"] == "extra_forbidden":
        meant = _meant(path, model)
        hint = f"did you mean {meant}?" if meant else "config/README.md lists all keys."
        return f"{where}: there is no key {key}: {hint}"
    if problem["type"] == "missing":
        return f"{where}: the key {key} is missing: add it (config/README.md explains it)."
    message = WORDING.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "string_pattern_mismatch":
        made_of = NAMES.get(problem["ctx"]["pattern"], "letters, digits and _")
        message = f"a name has {made_of}, no blanks or braces"
    message = message[0].lower() + message[1:]
    if isinstance(problem["input"], float) and problem["input"] != problem["input"]:
        message = "a number belongs here"
    given = (
        "" if isinstance(problem["input"], (dict, Parameters)) else f" (it is {problem['input']!r})"
    )
    return f"{where}: {key + ': ' if key else ''}{message}{given}."


def _kinds(union):
    """The kinds of a union of targets."""
    return [get_args(model.model_fields["kind"].annotation)[0] for model in models_in(union)]


def _meant(path, model):
    """The key that a wrong one is most like, in full, or None: by its name, then by its place."""
    places = {}
    for known in _keys(model):
        # Names of targets, experiments, sweeps are as they were given.
        pairs = zip(known, path, strict=False)
        near = len(list(itertools.takewhile(lambda pair: pair[0] in (pair[1], NAMED), pairs)))
        named = [path[n] if n < near and one == NAMED else one for n, one in enumerate(known)]
        places.setdefault(known[-1], []).append((-near, len(named), ".".join(named)))
    close = difflib.get_close_matches(path[-1], places, n=1)
    found = min(places[close[0]])[-1] if close else None
    return found if found != ".".join(path) else None


def _keys(model, path=()):
    """The keys of a model and of its groups, as tuples; `NAMED` stands for a name of one's own."""
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        yield here
        inside = (*here, NAMED) if place_in_many(field) else here
        for inner in models_in(field.annotation):
            yield from _keys(inner, inside)


def groups(model=Study):
    """All groups of parameters, the outermost first."""
    found = [model]
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            found += [group for group in groups(inner) if group not in found]
    return found


def models_in(annotation):
    """The models of groups that a field's annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def unit_of(key):
    """Unit of a parameter by its key, such as ``clock.external.rate_e``; "1" if it has none."""
    models, named = [Study], False
    *groups_of_key, name = key.split(".")
    for group in groups_of_key:
        if named:  # one of many, by its name or place
            named = False
            continue
        fields = [model.model_fields[group] for model in models if group in model.model_fields]
        models = [inner for field in fields for inner in models_in(field.annotation)]
        named = any(place_in_many(field) for field in fields)
    fields = (model.model_fields[name] for model in models if name in model.model_fields)
    units = [(field.json_schema_extra or {}).get("unit", "1") for field in fields]
    return units[0] if units else "1"


# How the place of a group is written of which there may be many.
PLACES = {dict: ".<name>", tuple: "[]"}


def place_in_many(field):
    """The place of one group among the many of a field; nothing if there is only one."""
    return PLACES.get(get_origin(field.annotation), "")
