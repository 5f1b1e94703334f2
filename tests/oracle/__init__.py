"""Slow, literal twins of the kernels, written from the specification of the clock network.

Plain numpy and Python, dense matrices ``W[post, pre]``, every rule applied in every step. They
share nothing with simcore but the parameters (``simcore.parameters``) and the initial values.
"""
