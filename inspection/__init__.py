"""Looking through what agents left for breaches of the rules: findings with their evidence, and no verdict."""
