"""What a store holds, and its spikes for other programs."""

import argparse
import sys

from simcore.errors import UserError


def main(arguments=None):
    """Run a command; a mistake ends in a sentence."""
    parser = argparse.ArgumentParser(prog="python -m simcore", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", help="what a store, or a study's folder, holds")
    inspect.add_argument("path")
    inspect.add_argument("--parameters", action="store_true", help="all parameters, too")
    export = commands.add_parser("export", help="write the spikes of a store for Neo, NIX, MATLAB")
    export.add_argument("path")
    export.add_argument("to", help="a file that ends in .nix, .mat or .pkl")
    options = parser.parse_args(arguments)
    try:
        if options.command == "inspect":
            from simcore.inspection import describe

            print(describe(options.path, parameters=options.parameters))
        else:
            from simcore.neo_export import export

            export(options.path, options.to)
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
