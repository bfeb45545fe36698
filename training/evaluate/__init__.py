"""How far a trained model can be believed: test split, sources left out, no-lung baselines, perturbations."""
