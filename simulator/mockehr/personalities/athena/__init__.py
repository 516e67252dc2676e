"""athenahealth athenaOne."""
