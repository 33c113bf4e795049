# SPDX-License-Identifier: BSD-2-Clause
"""What ends a run with one clear line on stderr."""


class BenchError(Exception):
    """The machine, a device under test or an interface says no: exit status 1."""


class UsageError(BenchError):
    """The command line or a scenario is wrong in itself: exit status 2."""


class DutError(BenchError):
    """A device under test died, hung, never became ready or forwards nothing. The others go on; its results are marked."""


class NotMeasurable(BenchError):
    """More than half of the trials were disturbed from outside: there is no result, and saying so is the result."""
