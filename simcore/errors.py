"""The exceptions that are meant for a user's eyes."""


class UserError(Exception):
    """A mistake that its reader can mend, told in one sentence: what, where, how to mend it."""


class BlewUp(UserError):
    """A variable of a simulation is beyond all bounds."""
