"""Files written by hand in YAML."""

from pathlib import Path

import yaml

from simcore.errors import UserError


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice: YAML's own loader silently takes the last."""

    def construct_mapping(self, node, deep=False):
        seen = {}
        for key_node, _ in node.value:
            key = key_node.value
            if not isinstance(key, str) or key == "<<":
                continue
            if key in seen:
                lines = f"lines {seen[key]} and {key_node.start_mark.line + 1}"
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key} is given twice, {lines}: leave one"
                )
            seen[key] = key_node.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_yaml(path, where=""):
    """Read a file of YAML in which no key is given twice.

    Parameters
    ----------
    path : path-like
    where : str, optional
        For messages: what names the file.

    Returns
    -------
    object

    Raises
    ------
    UserError
        The file cannot be read, is no YAML, or gives a key twice.
    """
    before = f"{where}: " if where else ""
    try:
        return yaml.load(Path(path).read_text(), _Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{before}{path} cannot be read ({error.strerror}).") from None
    except yaml.constructor.ConstructorError as error:
        raise UserError(f"{before}{path}: {' '.join(error.problem.split())}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{before}{path} is no YAML ({' '.join(str(error).split())}).") from None
