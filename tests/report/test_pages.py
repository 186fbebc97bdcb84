"""The pages as files: one piece, well-formed, readable by anyone, the same every time."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from alveus.recording.population import OF_COUNTS
from alveus.report.dataset import dataset_page
from alveus.report.inputs import DatasetReport, SessionReport, SessionRow, StageStatus
from alveus.report.session import session_page

VOID = {"meta", "link", "br", "hr", "img", "input", "col"}
MEGABYTE = 1 << 20
PAGES = ["session_html", "dataset_html", "failed_html"]


class Outline(HTMLParser):
    """Collects tags, attributes and text, and whether every tag that opens closes."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.tags, self.words = [], [], [], []
        self.feed(page)
        self.close()
        self.problems += [f"<{tag}> never closes" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="session")
def failed_html(failed_report):
    return session_page(failed_report)


@pytest.fixture(params=PAGES)
def page(request):
    return request.getfixturevalue(request.param)


def test_every_tag_that_opens_closes(page):
    assert Outline(page).problems == []


def test_no_id_occurs_twice_and_every_reference_has_its_target(page):
    tags = Outline(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in tags:
        for name in ("href", "xlink:href", "aria-labelledby"):
            value = attrs.get(name, "")
            if value.startswith("#") or (value and name == "aria-labelledby"):
                assert value.removeprefix("#") in ids
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_a_model_is_held_against_what_it_draws(session_html, with_scores):
    page = Outline(session_html)
    assert page.text.count("Does the model make data like these?") == 1
    tones = {"vae makes the rates of the units as they are": "good",
             "vae does not make the variability of the units (Fano factors) as they are": "bad",
             "vae makes the correlations of pairs of units only in part": "caution",
             "vae makes the moments in which no unit is active as they are": "good"}  # fmt: skip
    marks = {"good": "Good", "caution": "Caution", "bad": "Bad"}
    for headline, tone in tones.items():
        before = session_html[: session_html.index(headline)]
        assert before.rsplit('role="img" aria-label="', 1)[1].startswith(marks[tone]), headline
    assert "Does the model make data like these?" not in session_page(with_scores([]))


def test_a_page_asks_nobody_for_anything(page):
    for tag, attrs in Outline(page).tags:
        assert tag not in ("script", "link", "iframe", "object", "base")
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            value = attrs.get(name) or ""
            assert value.startswith(("#", "data:image/png;base64,")) or not re.match(r"[a-z]+:|//", value)
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_every_drawing_has_words_for_those_who_cannot_see_it(page):
    for tag, attrs in Outline(page).tags:
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (attrs["role"] == "img" and attrs["aria-label"])


def test_every_figure_has_a_title_and_says_how_to_read_it_and_what_would_be_bad(session_html, dataset_html):
    for html, least in ((session_html, 7), (dataset_html, 1)):
        figures = re.findall(r"<figure>.*?</figure>", html, flags=re.DOTALL)
        assert len(figures) >= least
        for figure in figures:
            assert re.search(r"<h3>[^<]+</h3>", figure)
            assert re.search(r"<figcaption><b>How to read it.</b> \S.*<b>What would be bad:</b> \S", figure)


def test_every_table_has_headings_with_a_scope(page):
    tags = Outline(page).tags
    assert all(attrs.get("scope") in ("row", "col") for tag, attrs in tags if tag == "th")


def test_headings_never_skip_a_level(page):
    levels = [int(tag[1]) for tag, _ in Outline(page).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_same_inputs_give_the_same_bytes(session_report, dataset_report, dataset_html):
    vae = session_report.models[1]
    course = replace(vae.course, mean=vae.course.mean[:, :2], scale=vae.course.scale[:, :2], behavior=())
    cloud = replace(vae.cloud, behavior=vae.cloud.behavior[:1])
    small = replace(session_report, models=(replace(vae, course=course, cloud=cloud),), window=None)
    assert session_page(small) == session_page(small)
    assert dataset_page(dataset_report) == dataset_html


def test_a_page_is_small_enough_to_send(page):
    assert len(page.encode()) < 2 * MEGABYTE


def test_both_themes_color_the_drawings(session_html):
    assert "prefers-color-scheme: dark" in session_html
    assert "stroke: var(--ink)" in session_html or "fill: var(--ink)" in session_html
    assert "#01020" not in session_html


def test_names_are_words_and_never_markup(session_report, dataset_report):
    evil = "<script>alert('x')</script>"
    models = tuple(replace(m, name=evil, history=None, cloud=None) for m in session_report.models[:1])
    course = replace(models[0].course, behavior=(replace(models[0].course.behavior[0], name=evil, unit="</svg>"),))
    scores = session_report.scores.assign(target=evil, note=evil).replace({"model": {"pca": evil}})
    names = {"session": evil, "dataset": evil, "facts": {evil: evil}, "source": {evil: evil}, "warnings": (evil,)}
    models = (replace(models[0], course=course),)
    html = session_page(replace(session_report, **names, models=models, scores=scores, window=None, rates=None))
    html += dataset_page(replace(dataset_report, dataset=evil, sessions=(SessionRow(evil, "failed", evil, evil),)))
    assert "<script" not in html
    assert "</svg></text>" not in html
    assert html.count("&lt;script&gt;") > 10


def test_a_session_name_cannot_become_another_address(dataset_report):
    row = SessionRow("javascript:alert(1)//../x", "done")
    links = [
        a["href"] for t, a in Outline(dataset_page(replace(dataset_report, sessions=(row,)))).tags if t == "a"
    ]
    assert "javascript%3Aalert%281%29%2F%2F..%2Fx/report.html" in links


def test_formulas_in_names_are_drawn_as_they_are(session_report):
    models = (replace(session_report.models[0], name="$\\frac{$", history=None, cloud=None),)
    html = session_page(replace(session_report, models=models, scores=None, window=None, rates=None))
    assert "$\\frac{$" in html


def test_no_way_to_a_file_and_no_user_name_leaves_the_lab(page):
    assert "jane" not in page
    assert "/home" not in page
    assert "/data/lab" not in page


def test_a_failed_session_shows_its_reason_and_no_verdict(failed_html):
    text = Outline(failed_html).text
    assert "Failed in stage bin" in text
    assert "3 of 204511 spikes come after the session ends at 1980 s" in text
    assert "Exit status 2: bad input or setting" in text
    assert "RecordingError" in text
    assert "Warnings and errors" in text
    assert "Verdict" not in re.sub(r"<nav.*?</nav>", "", failed_html, flags=re.DOTALL)


def test_a_refused_session_is_called_refused(failed_report):
    refused = replace(failed_report, failure=replace(failed_report.failure, exit_status=3))
    assert "Refused in stage bin" in session_page(refused)


def test_the_dataset_lists_every_session_with_its_score_or_its_reason(dataset_report, dataset_html):
    text = Outline(dataset_html).text
    for row in dataset_report.sessions:
        assert f'href="{row.session}/report.html"' in dataset_html
    assert "failed in stage bin : 3 of 204511 spikes" in text
    assert "refused in stage bin : 2 units are left" in text
    assert re.search(r"9 sessions 7 done 1 refused 1 failed", text)


def test_what_is_not_estimable_is_said_in_words(session_html):
    text = Outline(session_html).text
    assert "not estimable: 12 of 300 test bins have a value" in text
    assert "not defined: PCA has no posterior" in text
    assert not re.search(r"\bnan\b", text, flags=re.IGNORECASE)


def test_competitors_stand_below_the_models_they_are_compared_with(session_html):
    table = session_html[
        session_html.index('<table class="scores">') : session_html.index("What the columns mean")
    ]
    assert table.index("raw counts") > table.index("</span>vae")
    assert "8 principal components of counts" in table
    assert "position from raw counts" not in table


def test_a_method_of_two_words_is_written_in_words(session_report):
    pca, vae = session_report.models
    page = session_page(replace(session_report, models=(replace(pca, method="factor_analysis"), vae)))
    assert "pca<small>factor analysis, 8 latents" in page
    assert "pca (factor analysis) is fitted in one go" in page
    assert "factor_analysis" not in page


def test_a_stage_that_runs_is_no_error(session_report, with_scores):
    running = StageStatus("report", "running")
    page = session_page(replace(with_scores([]), statuses=(running,), models=(), warnings=()))
    assert "<p>None.</p>" in page


def test_warnings_have_their_section_even_when_there_are_none(session_report):
    quiet = replace(session_report, models=(), scores=None, window=None, rates=None, statuses=())
    assert re.search(r'id="warnings">Warnings and errors</h2>\s*<p>None\.</p>', session_page(quiet))


def test_a_page_of_nothing_but_a_name_can_be_written():
    assert Outline(session_page(SessionReport("a", "b"))).problems == []
    assert Outline(dataset_page(DatasetReport("b", ()))).problems == []


def test_settings_are_shown_as_they_stand_in_a_config(session_html):
    assert "preprocess:\n  bin_size: 0.1\n" in session_html


def test_matplotlib_settings_of_the_user_change_nothing(session_report, session_html):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        bare = replace(session_report, models=(), scores=None)
        drawn = re.findall(r"<figure>.*?</figure>", session_page(bare), flags=re.DOTALL)
        assert mpl.rcParams["font.size"] == 30
    assert all(figure in session_html for figure in drawn)


def test_scores_read_back_as_text_give_the_same_page(session_report, with_scores):
    import io

    import pandas as pd

    report = with_scores(session_report.scores.to_dict("records"))
    text = pd.read_csv(io.StringIO(session_report.scores.to_csv(index=False)), dtype=str, keep_default_na=False)
    assert session_page(replace(report, scores=text)) == session_page(report)


def test_a_page_of_events_has_no_word_of_spikes(session_report, with_scores):
    def of_events(rows):
        checks = rows["score"] == "predictive_check"
        rows = rows[(rows["score"] != "bits_per_spike") & ~(checks & rows["target"].isin(OF_COUNTS))]
        rows = rows.assign(floor=rows["floor"].where(~checks), floor_name=rows["floor_name"].where(~checks))
        return rows.assign(score=rows["score"].replace("co_smoothing", "co_smoothing_r2"))

    window = session_report.window
    size = 10.0 ** np.linspace(-3, 3, np.asarray(window.counts).shape[1])
    events = replace(
        session_report,
        modality="calcium",
        quantity="events",
        window=replace(window, counts=np.asarray(window.counts) * size),
        fano_factors=np.full(len(session_report.rates), np.nan),
        scores=of_events(session_report.scores),
        findings=(),
        facts={},
        models=tuple(replace(model, notes=()) for model in session_report.models),
        warnings=(),
        statuses=(),
    )
    page = session_page(events)
    text = re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    for word in ("spike", "Hz", "Poisson", "Fano", "sorted twice"):
        assert word not in text, text[max(0, text.find(word) - 200) : text.find(word) + 50]
    assert "co-smoothing R²" in text


def test_a_dataset_of_spikes_and_of_events_names_both_scores(dataset_report):
    rows = dataset_report.scores
    last = rows["session"] == rows.loc[rows["score"] == "co_smoothing", "session"].iloc[-1]
    mixed = rows.assign(score=rows["score"].where(~last, rows["score"].replace("co_smoothing", "co_smoothing_r2")))
    page = dataset_page(replace(dataset_report, scores=mixed))
    assert "Co-smoothing [bits per spike] or co-smoothing R² of each model" in page
    assert "All drawings share one range per score" in page
