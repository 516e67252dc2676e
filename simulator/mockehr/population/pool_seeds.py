"""Short own lists that the pool drawing adds to Faker's: common knowledge, written down by hand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OWN_FAMILIES: Final = (
    "Brontë",
    "Núñez",
    "Müller",
    "Weiß",
    "O’Brien",
    "de la Cruz",
    "Smith-Jones",
    "St. James",
    "Ng",
    "Óskarsdóttir",
)
"""Names that integrations trip over: accents, a curly apostrophe, blanks, a hyphen, a full stop, two letters."""

_ASIAN: Final = (
    "Nguyen Tran Pham Le Kim Lee Park Choi Chen Wang Wong Chan Chang Liu Li Lin Wu Yang Patel Singh Shah Khan"
)
ASIAN_FAMILIES: Final = frozenset(_ASIAN.split())

PEAKS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1920: "Dorothy Helen Betty Ruth Virginia Mildred Frances Doris Evelyn Alice Florence Irene Rose Louise "
        "Edith Lillian Marjorie Thelma Lucille Pauline Martha Walter Harold Albert Clarence Frank Howard Fred "
        "Ernest Earl Louis Leonard Herbert Stanley",
        1930: "Shirley Barbara Joan Norma Lois Beverly Marilyn Joyce Phyllis Wanda June Eleanor Anna Donald "
        "Charles Ralph Eugene Raymond Willie Gene Ray Norman Melvin Bernard Roy Billy Marvin Bobby",
        1940: "Linda Carol Judith Judy Sharon Sandra Carolyn Janet Gloria Joanne Jean Elaine Bonnie Sally Ronald "
        "Larry Jerry Gerald Dennis Roger Wayne Harry Jack Carl Arthur Johnny Lawrence",
        1950: "Deborah Debra Susan Patricia Pamela Diane Diana Cheryl Kathleen Janice Brenda Cynthia Catherine "
        "Peggy Gail Connie Vicki Rhonda Gary Bruce Douglas Steven Randy Terry Glenn Danny Alan Keith Craig Philip",
        1960: "Lisa Karen Donna Lori Teresa Tammy Kimberly Laura Tina Denise Sherry Robin Dawn Paula Wendy Mark "
        "Timothy Scott Jeffrey Kevin Todd Gregory Brian Darren Russell Randall Brett",
        1970: "Jennifer Amy Melissa Michelle Angela Heather Stephanie Nicole Christina Kelly Stacy Tracy Shannon "
        "Tanya Erica Julie Jason Chad Shawn Jeremy Eric Aaron Shane Christopher Adam Travis Derek Troy",
        1980: "Jessica Amanda Ashley Sarah Megan Lauren Crystal Tiffany Erin Lindsay Katie Rachel Natalie Kristen "
        "Brittany Vanessa Justin Joshua Ryan Brandon Kyle Dustin Jared Bradley Cody Derrick Jesse Corey",
        1990: "Samantha Alexis Taylor Courtney Kayla Alyssa Haley Brooke Morgan Shelby Chelsea Jasmine Paige "
        "Cassandra Caitlin Tyler Zachary Austin Jordan Cameron Trevor Dylan Logan Connor Blake Hunter Devin",
        2000: "Hannah Madison Abigail Isabella Grace Sydney Kaylee Autumn Mackenzie Gabrielle Savannah Mia Kaitlyn "
        "Ethan Caleb Gavin Isaiah Luis Evan Lucas Ian Nathan Noah Seth Garrett Angel Carlos Mason",
        2010: "Emma Olivia Sophia Ava Zoe Lily Chloe Ella Charlotte Faith Audrey Alexandra Liam Jayden Elijah "
        "Jackson Aiden Oliver Henry Theodore Leo Wyatt",
    }
)
"""Decade of birth in which a given name was most usual; roughly, from general knowledge."""

_SHORT_FORMS: Final = (
    "William:Bill Robert:Bob Richard:Dick James:Jim John:Jack Charles:Chuck Thomas:Tom Michael:Mike "
    "Joseph:Joe Christopher:Chris Daniel:Dan Matthew:Matt Anthony:Tony Donald:Don Steven:Steve Edward:Ed "
    "Kenneth:Ken Ronald:Ron Timothy:Tim Jeffrey:Jeff Gregory:Greg Joshua:Josh Nicholas:Nick Jonathan:Jon "
    "Benjamin:Ben Samuel:Sam Alexander:Alex Raymond:Ray Lawrence:Larry Gerald:Jerry Zachary:Zach "
    "Theodore:Ted Douglas:Doug Peter:Pete Frederick:Fred Andrew:Andy David:Dave Patrick:Pat Henry:Hank "
    "Walter:Walt Francis:Frank Phillip:Phil Nathan:Nate Jacob:Jake Francisco:Paco José:Pepe "
    "Elizabeth:Liz Margaret:Peggy Katherine:Kate Catherine:Cathy Patricia:Pat Jennifer:Jen Deborah:Deb "
    "Barbara:Barb Susan:Sue Kimberly:Kim Rebecca:Becky Stephanie:Steph Pamela:Pam Christine:Chris "
    "Cynthia:Cindy Victoria:Vicky Samantha:Sam Jacqueline:Jackie Alexandra:Alex Abigail:Abby "
    "Theresa:Terry Judith:Judy Sandra:Sandy Dorothy:Dot Amanda:Mandy Jessica:Jess Melissa:Missy "
    "Angela:Angie Kathleen:Kathy Suzanne:Sue Gabrielle:Gabby Isabella:Bella Madison:Maddie "
    "Virginia:Ginny Christina:Tina Veronica:Ronnie Valerie:Val Natalie:Nat Guadalupe:Lupe "
)
NICKNAMES: Final[Mapping[str, str]] = MappingProxyType(dict(pair.split(":") for pair in _SHORT_FORMS.split()))
"""Given name -> the short form by which many of its bearers are called."""
