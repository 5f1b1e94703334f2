"""How to read the figure of a sweep (:mod:`simcore.sweep_figures`): what its caption says."""

from simcore.sweep_parameters import place_text

# What headlines are, by their kind.
KINDS = {
    "crossing": "{axes} where {measure} falls below {level:g}",
    "slope": "slope of {measure} against {axes}",
    "power": "exponent of {measure} as a power of {axes}",
    "best": "{axes} of the largest {measure}",
    "change": "{measure} at the last {axes} minus that at the first",
    "largest": "largest {measure} along {axes}",
    "smallest": "smallest {measure} along {axes}",
    "average": "mean {measure} along {axes}",
    "error_floor": "floor in {measure}² = floor² + A/{axes}",
    "error_amplitude": "A in {measure}² = floor² + A/{axes}",
}


def how_to_read(sweep):
    """Tell what the panels of a sweep's figure show: only what this one has.

    Parameters
    ----------
    sweep : simcore.sweep_parameters.Sweep

    Returns
    -------
    str
        A few sentences.
    """
    sentences = [
        _of_lines(sweep),
        _of_maps(sweep),
        _of_panels(sweep),
        _of_products(sweep),
        _of_headlines(sweep),
        "Where a number is missing, the variable failure of the dataset says why.",
    ]
    return " ".join(filter(None, sentences))


def numbers(sweep):
    """Tell what the numbers are that sum a sweep up, in the order of its headlines.

    Returns
    -------
    str
        A sentence, with a part for each headline.
    """
    told = [f"{words(name)}: {_meaning(one, sweep)}" for name, one in sweep.headlines.items()]
    return f"{'; '.join(told)}." if told else ""


def _meaning(headline, sweep):
    """What one headline is, in words."""
    along = sweep.summed(headline)
    measure = words(headline.measure.replace(".", " "))
    axes = " ".join(
        axis if headline.over.get(axis, 1) == 1 else f"{axis}^{headline.over[axis]:g}"
        for axis in along
    )
    said = KINDS[headline.kind].format(measure=measure, axes=axes, level=headline.level)
    if not along:
        said = measure
    parts = [
        f"{axis} {place_text(low)} to {place_text(high)}"
        for axis, (low, high) in headline.within.items()
    ]
    said += f", of {' and '.join(parts)}" if parts else ""
    said += f", over {headline.per} (a line through the origin)" if headline.per else ""
    if headline.change_along:
        said += f"; how much that grows from the first to the last {headline.change_along}"
    at = [f"{axis} {place_text(value)}" for axis, value in headline.at.items()]
    return said + (f", at {' and '.join(at)}" if at else "")


def words(name):
    """Write a name as people do."""
    return name.replace("_", " ")


def _has_maps(sweep):
    return sweep.figure == "map" and len(sweep.axes) > 1


def _of_lines(sweep):
    if _has_maps(sweep) and not any(view.along for view in sweep.views.values()):
        return ""
    if sweep.replicates == 1:
        return "Each dot is one network."
    bands = ", bands their 95 % intervals (of Student's t)" if sweep.replicates > 2 else ""
    return f"Each dot is one network with a seed of its own; lines are means{bands}."


def _of_maps(sweep):
    over = " over the replicates" if sweep.replicates > 1 else ""
    return f"Maps show means{over}, grey is no number." if _has_maps(sweep) else ""


def _of_panels(sweep):
    several = len(sweep.axes) > 2 or any(view.each for view in sweep.views.values())
    return "Panels in a row with a place as their titles share one scale." if several else ""


def _of_products(sweep):
    powers = [one for one in sweep.headlines.values() if one.kind == "power" and one.over]
    if not powers and all(view.along for view in sweep.views.values()):
        return ""
    said = "Against a product of axes every mean is a dot"
    if powers:
        said += ": coloured those that a power was fitted to, grey the others; the power is a line"
    if any(one.theory is not None for one in powers):
        said += ", that of a theory a dashed one"
    return f"{said}."


def _of_headlines(sweep):
    along = [one for one in sweep.headlines.values() if sweep.left(one)]
    if not along:
        return ""
    bars = ", bars their 95 % intervals (of the jackknife)" if sweep.replicates > 2 else ""
    said = f"Where dots are numbers that sum up whole lines, they are those of the scorecard{bars}"
    if any(one.kind == "crossing" for one in along):
        said += "; an open dot is a lower bound: the axis ends before the level is crossed"
    if any(one.per for one in sweep.headlines.values()):
        said += "; lines through the origin are fits to such numbers"
    return f"{said}."
