"""Run the kernels of recursive least squares for a step; print the CPU seconds it took.

    python compile_rls.py 64-bit

or 32-bit: each type of number has kernels of its own.
"""

import sys
import time

import numpy as np

from simcore import rls, rls_training
from simcore.rls_parameters import Experiment

experiment = Experiment.model_validate(
    {
        "network": {"neurons": 10, "p": 0.5},
        "target": {"kind": "periodic", "duration": 20},
        "training": {"loops": 1, "free_run": 1, "inverse": f"packed {sys.argv[1]}"},
        "input": {"duration": 1},
        "test": {"starts": 2, "free_run": 1},
    }
)
rls_training.Training(rls.Model(experiment, 0, 0), np.zeros((1, 20, 10))).run()
print(round(time.process_time(), 1))
