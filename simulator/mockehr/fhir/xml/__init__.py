"""FHIR's XML form (FHIR R4 xml.html), both ways, from the table of structures.

What is written may be wrong on purpose; what is read may not. Documents between the two are those of the JSON form.
"""

from mockehr.fhir.xml.reader import from_xml
from mockehr.fhir.xml.writer import to_xml, xml_of_json

__all__ = ["from_xml", "to_xml", "xml_of_json"]
