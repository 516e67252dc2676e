"""Load on a FHIR base: locust -f loadtests/fhir.py --headless --host http://127.0.0.1:8642/main/fhir -u 20 -t 30s"""

import thresholds

from mockehr.load.fhir_user import FhirUser

__all__ = ["FhirUser", "thresholds"]
