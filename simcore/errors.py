"""The one exception that is meant for a user's eyes."""


class UserError(Exception):
    """A mistake that its reader can mend, told in one sentence: what, where, how to mend it."""
