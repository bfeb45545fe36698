"""Leading a visitor back to where they came from, and never to another site."""

from flask import url_for


def way_back(address: str) -> str:
    r"""Return an address to go back to: the one that a form carries where it is a path of ours, else the first page.

    Args:
        address: as it came, from whoever wrote the link or the form.

    Source:
        OWASP, Unvalidated Redirects and Forwards. Browsers read "//host" and "/\host" as another site, and leave
        out line breaks and tabs before they look.
    """
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours else url_for("index.index")
