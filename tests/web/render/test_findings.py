"""The large words of a page."""

from dataclasses import replace

import pytest

from tests.xray.predictions import pair, point
from web.render.findings import headline
from xray.networks.heads import Verdict, by_edges


@pytest.mark.parametrize(("second", "words"), [(0.5, "Abnormal, kind undecided"), (0.9, "Looks like COVID-19")])
def test_an_abnormal_radiograph_is_called_so_where_its_kind_is_open(second, words):
    edges = point(0.4, 0.6)
    both = pair(0.9, edges, model="covid_normal"), pair(second, edges, model="covid_pneumo")
    assert headline(both) == words
    assert headline(both[1:]) == ("Undecided" if second == 0.5 else words), "model 2 alone cannot tell"


@pytest.mark.parametrize("exclusive", [True, False])
def test_without_an_operating_point_nothing_is_found_nor_ruled_out(exclusive):
    without = replace(pair(0.9999, point(0.0, 1.0), model="apple"), exclusive=exclusive)
    assert by_edges(1.0, 0.0, 1.0) is Verdict.INCONCLUSIVE
    assert headline([without]) == "No verdict"
