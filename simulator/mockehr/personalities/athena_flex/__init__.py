"""athenaPractice and athenaFlow ("athenaFlex", formerly Centricity): on the customer's own premises."""
