"""The types of all parameters: times with units, bounds, and groups that refuse unknown keys."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MILLISECONDS = {"ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6}
NO_TIME = "a time is a number of ms, or text with the unit ms, s, min or h such as '25 min'"


def parse_time(value):
    """Milliseconds from a number (ms) or from text such as ``25 min``."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([-+.\deE]+)\s*(ms|s|min|h)\s*", value)
        try:
            return float(match[1]) * MILLISECONDS[match[2]]
        except (TypeError, ValueError):
            raise ValueError(NO_TIME) from None
    if isinstance(value, bool):
        raise ValueError(NO_TIME)
    return value


Time = Annotated[float, BeforeValidator(parse_time), Field(ge=0, allow_inf_nan=False)]
PositiveTime = Annotated[float, BeforeValidator(parse_time), Field(gt=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(gt=0, le=1)]
Part = Annotated[float, Field(ge=0, le=1)]
# Of what a study describes: becomes a part of ids and of names of files.
NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]


def quoted(value):
    """YAML makes a number of digits alone, and of 0123 another one."""
    if isinstance(value, int | float):
        raise ValueError("a word of digits belongs in quotes")
    return value


Word = Annotated[str, BeforeValidator(quoted)]


def _folder(value):
    """The path of a folder; braces would be wildcards of Snakemake."""
    if not value or set("{}") & set(value):
        raise ValueError("a folder has a name, without braces")
    try:
        return str(Path(value).expanduser())
    except RuntimeError:
        raise ValueError("there is no such user, whose home this would be") from None


Folder = Annotated[str, AfterValidator(_folder)]


def parameter(default, unit, description, **options):
    """A field with its unit beside its description."""
    return Field(default, description=description, json_schema_extra={"unit": unit}, **options)


class Parameters(BaseModel):
    """What all groups of parameters share: unknown keys are refused, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
