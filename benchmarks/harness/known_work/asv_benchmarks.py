"""The known work for asv: the amount comes from the environment, so that two commits have it under one name."""

import os

from known_work import OPERATIONS, call


class Known:
    """One timing an operation."""

    params = list(OPERATIONS)
    param_names = ["operation"]

    def setup(self, name):
        self.run = call(name, int(os.environ["KNOWN_TIMES"]))

    def time_call(self, name):
        self.run()
