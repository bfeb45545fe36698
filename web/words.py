"""How numbers are written on the pages."""


def decimals(value: float) -> str:
    """Write a threshold with two decimals, or up to four where it has them."""
    return f"{value:.2f}" if round(value, 2) == round(value, 4) else f"{value:.4f}"
