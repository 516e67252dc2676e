"""Load on an MLLP listener: locust -f loadtests/mllp.py --headless --host mllp://127.0.0.1:2575 -u 20 -t 30s"""

import thresholds

from mockehr.load.mllp_user import MllpUser

__all__ = ["MllpUser", "thresholds"]
