"""Pathways: patients' journeys through the hospital, as steps on the site's clock.

A pathway is a YAML file (`schema`), its steps are files in `steps/`, `player` plays one for one arrival. What it
writes, it writes through the protocol `Hospital`; the site behind it is none of this package's business.
"""
