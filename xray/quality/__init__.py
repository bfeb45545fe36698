"""Quality checks: what is refused as not being a frontal chest radiograph, and the cautions for the rest."""
