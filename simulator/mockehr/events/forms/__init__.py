"""The forms of notifications: one file for each, found by scanning (`mockehr.events.form.forms`)."""
