# Pictures, drawn from stores only; each as PNG (in both reports) and PDF.

from simcore.rls_numbers import is_predicted

# Stores that each figure of the clock needs.
CLOCK_FIGURES = (
    (
        {
            "weights": ["network", "consolidation"],
            "inhibition": ["analysis"],
            "time_course": ["embedding", "consolidation"],
            "spectrum": ["analysis"],
            "linear_model": ["consolidation", "analysis"],
        }
        if STUDY.clock.learns
        else {}
    )
    | ({"stability": ["consolidation", "driven"]} if STUDY.stability.driver else {})
    | {"replay_raster": ["replay_clock"], "periods": ["analysis"], "variability": ["analysis"]}
)
TARGET_FIGURES = {
    "replay_raster": ["replay"],
    "target_and_replay": ["replay", "analysis"],
    "readout_weights": ["readout"],
    "learning_curve": ["readout"],
}


SONG_FIGURES = {"sound": ["sound"]}


def figures_of(names, target=None):
    """Where the PNG files of some figures lie, each an item of Snakemake's report."""
    where = f"{target}_" if target else ""
    return {
        name: report(
            f"{FOLDER}/figures/{where}{name}.png",
            caption=f"../report/{name}.rst",
            category="Read-outs" if target else "Clock",
            labels={"figure": name.replace("_", " ")}
            | ({"target": target} if target else {})
            | NAMED,
        )
        for name in names
    }


rule figures_clock:
    input:
        **{
            name: store(name)
            for name in sorted({name for names in CLOCK_FIGURES.values() for name in names})
        },
    output:
        **figures_of(CLOCK_FIGURES),
    log:
        log_of("figures_clock"),
    benchmark:
        benchmark_of("figures_clock")
    group:
        "report"
    resources:
        runtime=growing(30),
    params:
        stores=CLOCK_FIGURES,
        code=code("figures.py"),
    script:
        "../scripts/figures.py"


rule figures_target:
    input:
        analysis=store("analysis"),
        readout=readout_store,
        replay=store("replay_{target}"),
    output:
        **figures_of(TARGET_FIGURES, "{target}"),
    log:
        log_of("figures_{target}"),
    benchmark:
        benchmark_of("figures_{target}")
    group:
        "report"
    resources:
        runtime=growing(30),
    params:
        stores=TARGET_FIGURES,
        code=code("figures.py"),
    script:
        "../scripts/figures.py"


use rule figures_target as figures_song with:
    input:
        sound=store("sound_{target}"),
    output:
        **figures_of(SONG_FIGURES, "{target}"),
    log:
        log_of("figures_song_{target}"),
    benchmark:
        benchmark_of("figures_song_{target}")
    params:
        stores=SONG_FIGURES,
        code=code("figures.py"),


def rls_figures_of(experiment):
    """Stores that each figure of an experiment needs."""
    figures = {
        "targets_and_drive": ["replay"],
        "learning": ["training", "replay"],
        "raster": ["replay"],
    }
    if is_predicted(experiment):
        figures["quasi_static"] = ["replay"]
    if experiment.training.what == "rate":
        figures["rates"] = ["replay"]
    if experiment.target.patterns > 1:
        figures["patterns"] = ["replay"]
    if experiment.network.initial == "balanced":
        figures["dale"] = ["training", "replay", "analysis"]
    if experiment.series is not None:
        figures["series"] = ["replay"]
    if experiment.test.damage:
        figures["damage"] = ["replay"]
    return figures


RLS_FIGURES = {name: rls_figures_of(experiment) for name, experiment in EXPERIMENTS.items()}

# A rule for each experiment, for each has figures of its own.
for EXPERIMENT, FIGURES in RLS_FIGURES.items():

    rule:
        name:
            f"rls_figures_{EXPERIMENT}"
        input:
            **({"analysis": store("rls_analysis")} if "dale" in FIGURES else {}),
            training=store(f"rls_training_{EXPERIMENT}"),
            replay=store(f"rls_replay_{EXPERIMENT}"),
        output:
            **{
                figure: report(
                    f"{FOLDER}/figures/rls_{EXPERIMENT}_{figure}.png",
                    caption=f"../report/rls_{figure}.rst",
                    category="Recursive least squares",
                    labels={"experiment": EXPERIMENT, "figure": figure.replace("_", " ")} | NAMED,
                )
                for figure in FIGURES
            },
        log:
            log_of(f"rls_figures_{EXPERIMENT}"),
        benchmark:
            benchmark_of(f"rls_figures_{EXPERIMENT}")
        group:
            "report"
        resources:
            runtime=growing(30),
        params:
            stores=FIGURES,
            known=EXPERIMENTS[EXPERIMENT].known,
            code=code("rls_figures.py"),
        script:
            "../scripts/rls_figures.py"


# One replay of each method in motion: of the first target, of the first experiment.
ANIMATIONS = {}
if STUDY.targets and "clock" in STUDY.methods:
    ANIMATIONS["clock"] = {"name": next(iter(STUDY.targets)), "stores": ["replay", "analysis"]}
if EXPERIMENTS:
    ANIMATIONS["least_squares"] = {"name": next(iter(EXPERIMENTS)), "stores": ["rls_replay"]}


def stores_of_animation(method):
    """Names of the stores that an animation shows."""
    name, stores = ANIMATIONS[method].values()
    return [store if store == "analysis" else f"{store}_{name}" for store in stores]


for METHOD in ANIMATIONS:

    rule:
        name:
            f"animation_{METHOD}"
        input:
            [store(name) for name in stores_of_animation(METHOD)],
        output:
            report(
                f"{FOLDER}/figures/animation_{METHOD}.gif",
                caption="../report/animation.rst",
                category="Read-outs" if METHOD == "clock" else "Recursive least squares",
                labels={
                    "figure": "animation",
                    ("target" if METHOD == "clock" else "experiment"): ANIMATIONS[METHOD]["name"],
                }
                | NAMED,
            ),
        log:
            log_of(f"animation_{METHOD}"),
        benchmark:
            benchmark_of(f"animation_{METHOD}")
        group:
            "report"
        resources:
            runtime=growing(30),
        params:
            method=METHOD,
            shown=ANIMATIONS[METHOD]["name"],
            code=code("animation.py"),
        script:
            "../scripts/animation.py"


def shown(kind, data, file=None, **of):
    """What the report needs to know of a figure.

    ``kind`` names its caption, ``of`` its target, experiment, sweep or comparison, if it is of one.
    """
    return {"file": file or f"{kind}.png", "kind": kind, "of": of, "data": data}


def shown_of_targets():
    """Figures of the read-outs."""
    found = []
    for target in STUDY.targets:
        songs = SONG_FIGURES if target in STUDY.songs else {}
        for kind, stores in (TARGET_FIGURES | songs).items():
            data = [name if name == "analysis" else f"{name}_{target}" for name in stores]
            found.append(shown(kind, data, f"{target}_{kind}.png", target=target))
    return found


def shown_of_experiments():
    """Figures of the networks trained by recursive least squares."""
    found = []
    for experiment, of_experiment in RLS_FIGURES.items():
        for kind, stores in of_experiment.items():
            data = [
                "rls_analysis" if name == "analysis" else f"rls_{name}_{experiment}"
                for name in stores
            ]
            file = f"rls_{experiment}_{kind}.png"
            found.append(shown(f"rls_{kind}", data, file, experiment=experiment))
    return found


def shown_figures():
    """All figures of the study, in the order of the report."""
    found = []
    if "clock" in STUDY.methods:
        found += [shown(kind, stores) for kind, stores in CLOCK_FIGURES.items()]
        found += shown_of_targets()
    found += shown_of_experiments()
    for method, animation in ANIMATIONS.items():
        key = "target" if method == "clock" else "experiment"
        data, file = stores_of_animation(method), f"animation_{method}.gif"
        found.append(shown("animation", data, file, **{key: animation["name"]}))
    for name in SWEEPS:
        found.append(shown("sweep", [f"sweeps/{name}"], f"sweep_{name}.png", sweep=name))
    for name, comparison in COMPARISONS.items():
        data = [f"sweeps/{sweep}" for sweep in comparison.sweeps]
        found.append(shown("comparison", data, f"comparison_{name}.png", comparison=name))
    return found


def figures():
    """Paths of all figures of the study."""
    return [f"{FOLDER}/figures/{figure['file']}" for figure in shown_figures()]
