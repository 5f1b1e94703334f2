"""What a store holds, its spikes for other programs, and a study's page for a repository."""

import argparse
import os
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
    publish = commands.add_parser("publish", help="a study's report as Markdown and small figures")
    publish.add_argument("path", help="the folder of a study's results")
    publish.add_argument("to", help="a folder, such as one of a repository")
    options = parser.parse_args(arguments)
    try:
        if options.command == "inspect":
            from simcore.inspection import describe

            print(describe(options.path, parameters=options.parameters))
        elif options.command == "publish":
            from simcore.publication import publish as write_page

            figures = write_page(options.path, options.to)
            print(f"{options.to}/README.md has {figures} figures.")
        else:
            from simcore.neo_export import export

            trains = export(options.path, options.to)
            size = os.path.getsize(options.to) / 1e6
            print(f"{options.to} has {trains} spike trains ({size:.1f} MB).")
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
