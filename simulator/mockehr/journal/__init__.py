"""What happened: every exchange, every decision taken on it, and how to ask about it."""

from mockehr.journal.entry import digest, entry, line
from mockehr.journal.query import NearMiss, Question, near_misses
from mockehr.journal.ring import Journal

__all__ = ["Journal", "NearMiss", "Question", "digest", "entry", "line", "near_misses"]
