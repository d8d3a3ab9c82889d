"""A learner for tables, texts and small images that depends on pandas, scikit-learn, Pillow and nothing else."""
