"""Names of `training.report.render`, for modules that still import them from here."""

from training.report.render import Picture as Picture
from training.report.render import Section as Section
from training.report.render import Table as Table
from training.report.render import page as page
