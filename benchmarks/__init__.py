"""What is fast, each figure beside its own floor in the same run."""
