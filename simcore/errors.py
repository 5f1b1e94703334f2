"""The exceptions that are meant for a user's eyes."""


class UserError(Exception):
    """A mistake that its reader can mend, told in one sentence: what, where, how to mend it."""


class NoResult(UserError):
    """A network cannot give what is asked of it; a sweep records why in place of the number."""


class BlewUp(NoResult):
    """A variable of a simulation is beyond all bounds."""


class NoPeriod(NoResult):
    """The clock has no period where one is needed."""
