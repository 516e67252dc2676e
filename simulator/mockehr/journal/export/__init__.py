"""What happened, in forms that other systems read."""

from mockehr.journal.export.audit_event import ID_PREFIX, audit_event
from mockehr.journal.export.audit_lines import FORMATS, audit_lines

__all__ = ["FORMATS", "ID_PREFIX", "audit_event", "audit_lines"]
