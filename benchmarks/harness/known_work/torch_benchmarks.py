"""The known work under torch.utils.benchmark: the median of each operation as JSON, with the amounts given."""

import json
import sys

from torch.utils.benchmark import Timer

from known_work import OPERATIONS, call

SECONDS = 1.0  # what pytest-benchmark spends on a test unless told otherwise


def median(name, times):
    return Timer("run()", globals={"run": call(name, times)}).blocked_autorange(min_run_time=SECONDS).median


print(json.dumps({times: {name: median(name, int(times)) for name in OPERATIONS} for times in sys.argv[1:]}))
