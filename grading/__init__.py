"""From a submission to a number: reading, metrics, medals, reports, and statistics over runs."""
