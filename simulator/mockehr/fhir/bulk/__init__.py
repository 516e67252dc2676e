"""Bulk Data Access 2.0 (hl7.org/fhir/uv/bulkdata/STU2): asynchronous export of many patients' records as NDJSON."""

from mockehr.fhir.bulk.addresses import Addresses, Found
from mockehr.fhir.bulk.desk import Answer, Desk, Place
from mockehr.fhir.bulk.import_desk import ImportDesk
from mockehr.fhir.bulk.import_job import ImportJob, ImportSettings
from mockehr.fhir.bulk.job import Job
from mockehr.fhir.bulk.kickoff import Granted
from mockehr.fhir.bulk.settings import BulkSettings
from mockehr.fhir.bulk.source import Roll, Source

__all__ = [
    "Addresses",
    "Answer",
    "BulkSettings",
    "Desk",
    "Found",
    "Granted",
    "ImportDesk",
    "ImportJob",
    "ImportSettings",
    "Job",
    "Place",
    "Roll",
    "Source",
]
