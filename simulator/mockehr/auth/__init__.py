"""What a correct SMART authorization server does."""
