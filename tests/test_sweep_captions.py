"""Captions of sweeps: they explain what the figure shows, and nothing else."""

from simcore.sweep_captions import how_to_read, numbers
from simcore.sweep_parameters import Sweep

MEASURE = "rls.noise.correlation"
AXES = {
    name: {"keys": [f"rls.define.noise.{key}"], "values": [1, 2, 3]}
    for name, key in (
        ("tau_s", "network.tau_s"),
        ("tau_c", "target.tau_c"),
        ("neurons", "network.neurons"),
    )
}


def told(*axes, **others):
    given = {"about": "a sweep", "axes": {axis: AXES[axis] for axis in axes}, "measures": [MEASURE]}
    return how_to_read(Sweep.model_validate(given | others))


def test_lines_have_bands_where_there_are_enough_replicates():
    assert "bands" in told("tau_s", replicates=3)
    assert "bands" not in told("tau_s", replicates=2)
    assert told("tau_s", replicates=1).startswith("Each dot is one network.")


def test_a_caption_has_only_what_the_figure_shows():
    plain = told("tau_s")
    for word in ("Maps", "Panels", "product", "scorecard", "lower bound"):
        assert word not in plain
    assert "Panels" in told("tau_s", "tau_c", "neurons")
    as_map = told("tau_s", "tau_c", figure="map")
    assert as_map.startswith("Maps show means over the replicates")
    assert "lines are means" not in as_map
    view = {"measure": MEASURE, "over": {"tau_s": 1}}
    assert "lines are means" in told("tau_s", "tau_c", figure="map", views={"one": view})
    assert "Maps" not in told("tau_s", figure="map")


def test_a_product_of_axes_and_its_power():
    over = {"measure": MEASURE, "over": {"tau_s": 1, "tau_c": -1}}
    assert told("tau_s", "tau_c", views={"one": over}).count("every mean is a dot.") == 1
    power = over | {"kind": "power"}
    found = told("tau_s", "tau_c", headlines={"one": power})
    assert "the power is a line." in found
    assert "theory" in told("tau_s", "tau_c", headlines={"one": power | {"theory": 1}})


def test_numbers_along_an_axis_that_is_left():
    crossing = {"kind": "crossing", "measure": MEASURE}
    assert "scorecard" not in told("tau_s", headlines={"one": crossing})
    found = told("tau_s", "tau_c", headlines={"one": crossing, "two": crossing | {"per": "tau_c"}})
    assert "scorecard" in found and "lower bound" in found and "through the origin" in found
    change = {"kind": "change", "measure": MEASURE}
    assert "lower bound" not in told("tau_s", "tau_c", headlines={"one": change})


def test_each_number_is_told_in_words():
    def said(**headline):
        given = {"about": "a sweep", "axes": AXES, "measures": [MEASURE]}
        one = {"measure": MEASURE} | headline
        return numbers(Sweep.model_validate(given | {"headlines": {"slow_side": one}}))

    assert said(kind="change", axis="tau_s", at={"tau_c": 2}, within={"tau_s": [2, 3]}) == (
        "slow side: rls noise correlation at the last tau_s minus that at the first, of tau_s 2 to "
        "3, at tau_c 2."
    )
    assert said(kind="power", over={"tau_s": 1, "tau_c": -1}) == (
        "slow side: exponent of rls noise correlation as a power of tau_s tau_c^-1."
    )
    assert said(kind="crossing", level=0.8, per="tau_c", change_along="neurons") == (
        "slow side: tau_s where rls noise correlation falls below 0.8, over tau_c (a line through "
        "the origin); how much that grows from the first to the last neurons."
    )
    one_place = said(kind="average", at={"tau_s": 1, "tau_c": 2, "neurons": 3})
    assert one_place == "slow side: rls noise correlation, at tau_s 1 and tau_c 2 and neurons 3."
