# Before anything else: the cache of kernels, what the scripts learn of this process, the study's file.

import os
import shlex
import sys

# Before anything imports numba: its cache knows nothing of a changed kernel in another file, so
# each version of the kernels has a cache of its own.
from simcore.errors import UserError
from simcore.provenance import kernels_digest
from simcore.study_files import read_yaml

os.environ["NUMBA_CACHE_DIR"] = os.path.abspath(f".cache/kernels/{kernels_digest()}")

# Snakemake puts this into the commands of its scripts unquoted: a blank in the path would break them.
sys.executable = shlex.quote(sys.executable)

# Its scripts end when this process has died (workflow/scripts/stage.py).
os.environ["SNAKEMAKE_PROCESS"] = str(os.getpid())

# A study stands alone: Snakemake would merge it with the demo's file.
if not workflow.configfiles:

    configfile: "config/config.yaml"


for FILE in workflow.configfiles:
    try:
        read_yaml(FILE)
    except UserError as error:
        sys.exit(str(error))
