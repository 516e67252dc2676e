"""When a load test has failed: judged once, when locust quits. Exit status 3 says that a threshold was passed.

Limits come from the environment: MOCKEHR_LOAD_FAIL_RATIO (share of failed requests, 0 unless told) and
MOCKEHR_LOAD_P95_MS (95th percentile in milliseconds, none unless told; take it from a calibration run on the same
machine). A run without any request has failed too.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from locust import events

THRESHOLD_PASSED = 3


@events.quitting.add_listener
def judge(environment: Any, **_: Any) -> None:
    """Set locust's exit status, and say on stderr what was too much."""
    total = environment.stats.total
    found = []
    if not total.num_requests:
        found.append("no request was made")
    allowed = float(os.environ.get("MOCKEHR_LOAD_FAIL_RATIO", "0"))
    if total.fail_ratio > allowed:
        found.append(f"{total.fail_ratio:.2%} of requests failed, {allowed:.2%} are allowed")
    limit = os.environ.get("MOCKEHR_LOAD_P95_MS")
    slow = total.get_response_time_percentile(0.95)
    if limit is not None and slow is not None and slow > float(limit):
        found.append(f"the 95th percentile is {slow:g} ms, {limit} ms are allowed")
    for line in found:
        print(f"threshold: {line}", file=sys.stderr)
    if found:
        environment.process_exit_code = THRESHOLD_PASSED
