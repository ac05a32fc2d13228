"""The page says what the folder says, in one file that fetches nothing and runs nothing."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fuse.report import RunFolderError, write_report
from fuse.report.numerals import decimal, span

#: Attributes from which a browser would fetch, run or send something.
FETCHING = {
    "src",
    "srcset",
    "href",
    "xlink:href",
    "action",
    "formaction",
    "data",
    "poster",
    "background",
    "ping",
}
SCRIPT = "<script>alert(1)</script>"


class Markup(HTMLParser):
    """What tags and fetching attributes a page has, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []
        self.handlers: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for name, value in attrs if name in FETCHING]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def page(built_run: Path) -> str:
    return write_report(built_run).read_text(encoding="utf-8")


def change_json(path: Path, change: Callable[[dict], None]) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def test_every_arm_and_every_number_is_on_the_page(built_run: Path, page: str) -> None:
    text = Markup(page).text
    for arm in json.loads((built_run / "run.json").read_text(encoding="utf-8"))["arms"]:
        assert arm["name"] in text
        assert arm["reason"] is None or f"not run: {arm['reason']}" in text
    for row in read_rows(built_run / "metrics.csv"):
        assert decimal(number(row["estimate"])) in text
        assert span(number(row["low"]), number(row["high"])) in text
        assert row["method"] in text
    for row in read_rows(built_run / "comparisons.csv"):
        digits = 4 if row["metric"] == "ibs" else 3
        assert span(number(row["low"]), number(row["high"]), digits) in text
    for question in json.loads((built_run / "verdict.json").read_text(encoding="utf-8"))["questions"]:
        assert question["question"] in text
        assert question["words"] in text
        assert question["rule"] in text


def test_numbers_stand_in_the_row_of_their_arm(built_run: Path, page: str) -> None:
    table = page[page.index('<table class="arms">') :]
    rows = {row["arm"]: row for row in read_rows(built_run / "metrics.csv") if row["metric"] == "c_index"}
    for arm, row in rows.items():
        line = table[table.index(f"<small>{arm}</small>") :]
        first = re.search(r'<td class="number"><strong>([^<]*)</strong>', line)
        assert first is not None
        assert first.group(1) == decimal(float(row["estimate"]))


def test_descriptive_comparisons_stand_apart_and_claim_nothing(page: str) -> None:
    named, described = page.split("<h3>Descriptive only</h3>")
    described = described[: described.index("</section>")]
    assert "<strong>first</strong> is better" in named
    assert "is better" not in described
    assert described.count("<td>descriptive</td>") == 3


def test_a_conditional_bootstrap_names_no_better_procedure(page: str) -> None:
    line = page[page.index("−.0131 to −.0002") :]
    line = line[: line.index("</tr>")]
    assert "first is better, for these fitted models only" in line
    assert "<strong>first</strong>" not in line


def test_a_horizon_that_was_cut_is_the_one_the_page_speaks_of(run_folder: Path, page: str) -> None:
    reason = "only 3 of 95 cases were followed beyond day 1826.25; day 85 is the last with at least 10%"
    assert "up to 60 months, from what" in Markup(page).text
    assert "was cut to" not in page
    change_json(
        run_folder / "verdict.json", lambda verdict: verdict.update(horizon={"days": 85.0, "reason": reason})
    )
    cut = write_report(run_folder).read_text(encoding="utf-8")
    text = Markup(cut).text
    assert "up to 85 days, from what" in text
    assert "up to 60 months" not in text
    assert f"The horizon of 60 months was cut to 85 days : {reason}." in text
    assert "60 months, fixed before any fit; cut to 85 days" in text
    line = re.compile(r'class="guide" x1="([\d.]+)"[^>]*/><text[^>]*>horizon')
    before, after = (line.search(document) for document in (page, cut))
    assert before and after and float(after.group(1)) < float(before.group(1))


@pytest.mark.parametrize(
    ("title", "invented"), [("Synthetic: files in the layout of CHIMERA", True), ("CHIMERA", False)]
)
def test_invented_patients_are_said_under_the_title(run_folder: Path, title: str, invented: bool) -> None:
    change_json(run_folder / "run.json", lambda run: run["cohort"].update(title=title))
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    said = f"{title} Invented patients: no finding here is about anyone. Predicting"
    assert (said in text) is invented
    assert ("Invented" in text) is invented


def test_the_lede_says_the_endpoint_in_words(run_folder: Path) -> None:
    definition = "biochemical recurrence, any post-operative PSA of at least 0.1 ug/L"
    change_json(
        run_folder / "run.json", lambda run: run["endpoint"].update(name="bcr", definition=definition)
    )
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert "Predicting biochemical recurrence up to" in text
    assert f"bcr: {definition}" in text
    change_json(run_folder / "run.json", lambda run: run["endpoint"].update(definition=""))
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert "Predicting bcr up to" in text


def test_modalities_stand_in_one_order(page: str) -> None:
    def order(part: str, form: str) -> list[str]:
        found = [re.search(form.format(name), part) for name in ("slides", "notes", "clinical")]
        return [match.group(0) for match in sorted(filter(None, found), key=lambda match: match.start())]

    for identity, form in {
        "cases": "evaluated, with {}",
        "weights": "colour of {}",
        "failed": '<th scope="col">{}',
        "encoders": '<th scope="row">{}',
        "provenance": '<th scope="row">{}',
    }.items():
        part = page[page.index(f'<section id="{identity}">') :]
        part = part[: part.index("</section>")]
        assert order(part, form) == [form.format(name) for name in ("slides", "notes", "clinical")]
    assert "clinical + slides" not in Markup(page).text


def test_cases_that_are_never_tested_are_not_counted_as_evaluated(run_folder: Path) -> None:
    rows = (run_folder / "folds.csv").read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if ",test," not in row or row.split(",")[2] < "1020"]
    (run_folder / "folds.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert "cases evaluated 17" in text
    assert "17 of 95 cases are ever tested" in text


def test_the_rerun_can_be_pasted_from_the_checkout(run_folder: Path, page: str) -> None:
    assert ".venv/bin/python -m fuse rerun 'out/chimera quick'" in Markup(page).text
    change_json(run_folder / "run.json", lambda run: run.pop("folder"))
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert ".venv/bin/python -m fuse rerun chimera-quick" in text


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    markup = Markup(page)
    assert markup.tags.isdisjoint(
        {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video"}
    )
    assert markup.handlers == []
    assert all(target.startswith(("#", "data:image/")) for target in markup.targets)
    assert re.findall(r"url\((?!#)", page) == []
    assert "@import" not in page
    assert re.findall(r"https?://(?!www\.w3\.org/)", page) == []


def test_policy_forbids_requests_and_scripts(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.group(1).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_markup_in_files_stays_text(run_folder: Path) -> None:
    hostile = f'{SCRIPT}"onload="alert(2)'
    change_json(
        run_folder / "run.json",
        lambda run: run.update(
            cohort=run["cohort"] | {"title": hostile, "citation": hostile},
            failures=[{"what": hostile, "expected": hostile, "got": hostile, "remedy": hostile}],
            arms=[arm | {"title": hostile + arm["name"], "reason": hostile} for arm in run["arms"]],
            versions={hostile: hostile},
            left_out=[{"arm": hostile, "reason": hostile}],
            feature_sets={
                hostile: run["feature_sets"]["slides"] | {"encoder": hostile, "readers": [hostile]}
            },
        ),
    )
    change_json(run_folder / "verdict.json", lambda verdict: verdict.update(top=hostile, notes=[hostile]))
    change_json(run_folder / "attention.json", lambda view: view.update(case_id=hostile, item_id=hostile))
    change_json(
        run_folder / "volumes.json",
        lambda view: view.update(
            case_id=hostile,
            series=[series | {"name": hostile} for series in view["series"]],
            regions=[region | {"name": hostile} for region in view["regions"]],
            series_missing=[hostile],
        ),
    )
    chosen = run_folder / "chosen.csv"
    chosen.write_text(chosen.read_text(encoding="utf-8").replace("alpha=64", SCRIPT), encoding="utf-8")
    change_json(run_folder / "curves.json", lambda curves: curves["groups"][0].update(name=hostile))
    weights = run_folder / "weights.csv"
    quoted = hostile.replace('"', '""')
    weights.write_text(weights.read_text(encoding="utf-8").replace("1003,", f'"{quoted}",'), encoding="utf-8")
    page = write_report(run_folder).read_text(encoding="utf-8")
    markup = Markup(page)
    assert "script" not in markup.tags
    assert markup.handlers == []
    assert "<script" not in page
    assert markup.text.count(SCRIPT) > 20


def test_half_a_surrogate_pair_is_shown_as_its_escape(run_folder: Path) -> None:
    change_json(run_folder / "verdict.json", lambda verdict: verdict.update(top="odd \ud800 text"))
    assert "odd \\ud800 text" in write_report(run_folder).read_text(encoding="utf-8")


def test_written_twice_it_is_the_same_and_small(run_folder: Path, built_run: Path) -> None:
    first = write_report(run_folder).read_bytes()
    assert write_report(run_folder).read_bytes() == first
    assert write_report(built_run).read_bytes() == first
    assert len(first) < 2_000_000
    assert [path.name for path in run_folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "name",
    [
        "run.json",
        "metrics.csv",
        "comparisons.csv",
        "weights.csv",
        "curves.json",
        "attention.json",
        "volumes.json",
        "chosen.csv",
        "verdict.json",
        "folds.csv",
        "predictions/ridge_cox__notes.csv",
    ],
)
def test_an_absent_file_is_named_and_the_old_page_stays(run_folder: Path, name: str) -> None:
    old = write_report(run_folder).read_bytes()
    (run_folder / name).unlink()
    with pytest.raises(
        RunFolderError, match=f"{re.escape(name)}: expected this file .*got no such file.*again"
    ):
        write_report(run_folder)
    assert (run_folder / "report.html").read_bytes() == old


def test_a_changed_file_is_said_on_top(run_folder: Path) -> None:
    metrics = run_folder / "metrics.csv"
    metrics.write_text(metrics.read_text(encoding="utf-8").replace("0.716", "0.816"), encoding="utf-8")
    page = write_report(run_folder).read_text(encoding="utf-8")
    assert "This folder is not as the run left it." in page[: page.index('id="verdict"')]
    assert "Changed since: <code>metrics.csv</code>" in page


def test_an_untouched_folder_raises_no_warning(page: str) -> None:
    assert "not as the run left it" not in page


def section(page: str, identity: str) -> str:
    part = page[page.index(f'<section id="{identity}">') :]
    return part[: part.index("</section>")]


def test_a_study_is_shown_slice_by_slice_with_its_regions(page: str) -> None:
    part = section(page, "volumes")
    text = Markup(part).text
    assert "Not there in this study: hbv." in text
    assert "prostate" in text
    assert "4 slices of the crop, from slice 0 to 9, 9.0 mm apart." in text
    assert part.count("data:image/png;base64,") == 2
    # every slice of both series is drawn from one strip each, at its place; the middle ones with an outline
    for number in range(2):
        tops = re.findall(rf'href="#strip-{number}" y="-(\d+)"', part)
        assert tops == ["0", "10", "20", "30"]
    assert re.findall(r'href="#outlines-(\d+)"', part) == ["1", "2", "1", "2"]
    # 16 pixels of 0.5 mm are as broad as 8 rows of 1 mm are high: a slice is 8 mm by 10 mm
    size = re.search(r'<svg viewBox="0 0 16 10" width="([\d.]+)" height="([\d.]+)"', part)
    assert size is not None
    assert float(size.group(1)) / float(size.group(2)) == pytest.approx(0.8)


def test_a_study_without_mask_or_missing_series_says_so(run_folder: Path) -> None:
    change_json(run_folder / "volumes.json", lambda view: view.update(regions=[], series_missing=[]))
    text = Markup(section(write_report(run_folder).read_text(encoding="utf-8"), "volumes")).text
    assert "No mask was drawn for this study" in text
    assert "No series of the recipe is missing in this study." in text


def test_only_among_several_series_is_one_the_grid_of_the_others(run_folder: Path, page: str) -> None:
    said = "the series whose grid the others are laid on"
    assert said in section(page, "volumes")
    change_json(run_folder / "volumes.json", lambda view: view.update(series=view["series"][:1]))
    assert said not in write_report(run_folder).read_text(encoding="utf-8")


def test_no_sentence_ends_twice_and_one_repeat_is_one(run_folder: Path) -> None:
    change_json(run_folder / "attention.json", lambda view: (view.clear(), view.update(reason="No slide.")))
    change_json(run_folder / "run.json", lambda run: run["folds"].update(repeats=1))
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert "There is no tile-attention picture in this run: No slide." in text
    assert "No slide.." not in text
    assert "1 repeat of " in text


def test_a_study_whose_slices_do_not_agree_is_refused(run_folder: Path) -> None:
    change_json(run_folder / "volumes.json", lambda view: view.update(slice_numbers=[1, 2]))
    with pytest.raises(RunFolderError, match=r"volumes\.json: slices: expected a number and an outline"):
        write_report(run_folder)


def test_an_outline_is_a_path_and_nothing_else(run_folder: Path) -> None:
    hostile = [{"name": "a", "outlines": ['M0 0"onload="alert(1)'] * 4}]
    change_json(run_folder / "volumes.json", lambda view: view.update(regions=hostile))
    with pytest.raises(RunFolderError, match=r"volumes\.json: regions\.0\.outlines\.0"):
        write_report(run_folder)


def test_which_encoder_was_used_where(page: str) -> None:
    lines = dict(re.findall(r'<tr><th scope="row">([^<]*)</th>(.*?)</tr>', section(page, "encoders")))
    uni = Markup(lines["slides:uni"]).text
    assert uni == (
        f"uni-0123456789ab uni cls {'d' * 12} {'e' * 12} openslide cuda float16 90 of 95 180 3 warned"
    )
    assert "no weights" in Markup(lines["slides"]).text
    assert "openslide, tiffslide" in Markup(lines["slides"]).text


def test_what_was_chosen_and_what_was_left_out_is_told(page: str) -> None:
    text = Markup(page).text
    assert "Late fusion: stacked, non-negative weights alpha=256 (15 of 20); alpha=64 (5 of 20)" in text
    chosen = "The single modality chosen in each train part Cox regression, ridge penalty: slides (20 of 20)"
    assert chosen in text
    assert "nothing to choose" not in text
    assert "ridge_cox__omics the cohort's card does not list omics" in text


def test_a_run_of_before_has_no_volumes_and_no_choices(run_folder: Path) -> None:
    for name in ("volumes.json", "chosen.csv"):
        (run_folder / name).unlink()
        change_json(run_folder / "run.json", lambda run, name=name: run["outputs"].pop(name))
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert (
        "There is no picture of a study in this run: The run was made by a version that draws none." in text
    )
    assert "What each arm chose" not in text


def test_a_run_without_fusion_slides_or_curves_says_so(run_folder: Path) -> None:
    reason = "No arm with attention over tiles was run."
    (run_folder / "attention.json").write_text(json.dumps({"reason": reason}), encoding="utf-8")
    (run_folder / "curves.json").write_text(json.dumps({"reason": "too few cases"}), encoding="utf-8")
    (run_folder / "weights.csv").write_text("case_id,modality,contribution,share\n", encoding="utf-8")
    (run_folder / "comparisons.csv").write_text(
        "first,second,metric,difference,low,high,method,named_before\n", encoding="utf-8"
    )
    text = Markup(write_report(run_folder).read_text(encoding="utf-8")).text
    assert reason in text
    assert "too few cases" in text
    assert "There are no modality weights in this run" in text
    assert "No comparison was named before the evaluation" in text


def test_every_picture_has_a_title_and_every_identity_is_single(page: str) -> None:
    pictures = re.findall(r"<svg[^>]*>", page)
    assert len(pictures) > 10
    assert all("aria-label=" in picture or 'aria-hidden="true"' in picture for picture in pictures)
    identities = re.findall(r'\sid="([^"]*)"', page)
    assert len(identities) == len(set(identities))
    assert {target[1:] for target in Markup(page).targets if target.startswith("#")} <= set(identities)


def test_chromium_shows_it_without_a_complaint(built_run: Path, tmp_path: Path, page: str) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]
    flags += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
    flags += ["--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
    done = subprocess.run(
        [chromium, *flags, f"--user-data-dir={tmp_path}", (built_run / "report.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    shown = Markup(done.stdout)
    assert shown.tags == Markup(page).tags
    assert shown.text.count("cannot tell") == Markup(page).text.count("cannot tell")


def test_what_c_makes_of_other_causes_depends_on_whether_cases_enter_late(run_folder: Path) -> None:
    change_json(run_folder / "run.json", lambda run: run["endpoint"].update(kind="competing"))
    assert "in C it counts as one that had it last of all" in write_report(run_folder).read_text(
        encoding="utf-8"
    )
    change_json(run_folder / "run.json", lambda run: run.update(entered_late=30))
    page = write_report(run_folder).read_text(encoding="utf-8")
    assert "in C its observation ends there, since cases enter late" in page
    assert "last of all" not in page
