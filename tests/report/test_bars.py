"""Small drawings in the cells of tables."""

import re

from alveus.report.bars import MARGIN, WIDTH, interval_bar, span
from alveus.report.score_rows import ScoreRow


def test_ends_of_the_range_are_ends_of_the_drawing():
    bar = interval_bar(ScoreRow("elbo", value=1.0, low=0.0, high=2.0), 0.0, 2.0)
    assert f'class="interval" x1="{MARGIN:.1f}" x2="{WIDTH - MARGIN:.1f}"' in bar
    assert f'cx="{WIDTH / 2:.1f}"' in bar


def test_a_score_below_the_floor_lies_left_of_its_tick():
    bar = interval_bar(ScoreRow("elbo", value=0.2, floor=0.5), 0.0, 1.0)
    dot = float(re.search(r'cx="([\d.]+)"', bar)[1])
    tick = float(re.search(r'class="floor" x1="([\d.]+)"', bar)[1])
    assert dot < tick


def test_a_range_holds_values_intervals_floors_and_zero_where_it_counts():
    rows = [ScoreRow("elbo", value=-2.0, low=-3.0, high=-1.0, floor=-5.0)]
    assert span(rows) == (-5.0, -1.0)
    assert span([ScoreRow("co_smoothing", value=0.2, low=0.1, high=0.3)]) == (0.0, 0.3)


def test_one_single_number_still_has_a_range():
    low, high = span([ScoreRow("elbo", value=7.0)])
    assert low < 7.0 < high
    assert span([ScoreRow("elbo", status="not defined")]) is None
