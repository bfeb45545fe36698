"""The Flask application: routes, forms, saved analyses, security. Never imports training."""
