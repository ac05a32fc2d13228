from __future__ import annotations

from pathlib import Path

import pytest

from feature_cache.card import CohortCard, read_card
from feature_cache.cohort import find_cohort, inspect_cohort, read_cohort
from feature_cache.errors import ManifestError

CARD = """\
schema_version: 1
name: mine
title: t
citation: c
licence: l
sites: [north]
modalities: [clinical]
index_event: operation
prediction_day: 0
variables:
  psa: {kind: numeric, unit: ng/mL}
excluded: {bcr_psa: outcome in disguise}
endpoints:
  bcr: {kind: survival, definition: PSA above 0.1, time_unit: months, horizon_days: 1826.25}
"""
TABLES = {"cases.csv": "case_id,site\n0071,north\n71,\n", "clinical.csv": "case_id,psa\n0071,4\n71,5\n"}


def _write(folder: Path, card: str = CARD, **tables: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cohort.yaml").write_text(card, encoding="utf-8")
    for name, text in (TABLES | {f"{name}.csv": text for name, text in tables.items()}).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _problems(folder: Path) -> list[tuple[str, str]]:
    return [(problem.where, problem.got) for problem in inspect_cohort(folder)[1]]


def test_ids_are_texts_always(tmp_path: Path) -> None:
    cohort = read_cohort(_write(tmp_path / "c"))
    assert cohort.case_ids == ("0071", "71")
    assert cohort.clinical["0071"] == {"psa": "4"} and cohort.cases[1].site is None


def test_neither_outcomes_nor_folds_are_opened(tmp_path: Path) -> None:
    folder = _write(tmp_path / "c", outcomes='"\x00', folds="x")
    assert _problems(folder) == []


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"cases": "case_id\n1\n1\n"}, ("cases.csv: case 1", "2 rows")),
        ({"cases": 'case_id\n0071\n71\n""\n'}, ("cases.csv", "an empty case_id")),
        ({"cases": "case_id,sex\n0071,f\n71,m\n"}, ("cases.csv: sex", "an unknown column")),
        ({"cases": "id\n0071\n"}, ("cases.csv: case_id", "no such column")),
        ({"clinical": "case_id,psa\n0071,4\n72,5\n"}, ("clinical.csv: case 72", "an unknown case")),
        ({"clinical": "case_id,psa\n71,4\n71,5\n"}, ("clinical.csv: case 71", "a second row")),
        ({"clinical": "case_id,psa\n71,4,5\n"}, ("clinical.csv line 2", "3 fields")),
        ({"clinical": "case_id,psa,psa\n71,4,5\n"}, ("clinical.csv: psa", "2")),
        ({"clinical": "case_id,age\n71,4\n"}, ("clinical.csv: age", "an unknown column")),
        ({"clinical": "case_id,age\n71,4\n"}, ("cohort.yaml: variables.psa", "no such column")),
        ({"clinical": "psa\n4\n"}, ("clinical.csv: case_id", "no such column")),
        (
            {"slides": "case_id,slide_id,path\n71,a,x.tif\n71,a,y.tif\n"},
            ("slides.csv: case 71, a", "2 rows"),
        ),
        ({"notes": "case_id,note_id,path\n9,a,x.txt\n"}, ("notes.csv: case 9", "an unknown case")),
        (
            {"clinical": f"case_id,psa\n71,{'4' * 200_000}\n"},
            ("clinical.csv line 2", "a cell of more than 131,072 characters"),
        ),
        ({"clinical": "case_id,psa\n71,\0\n"}, ("clinical.csv", "NUL characters")),
        ({"cases": ""}, ("cases.csv", "no header")),
        (
            {"measurements": "case_id,variable,day,value\n71,weight,0,80\n"},
            ("measurements.csv: weight", "an unknown variable"),
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_named(
    tmp_path: Path, tables: dict[str, str], problem: tuple[str, str]
) -> None:
    folder = _write(tmp_path / "c", **tables)
    assert problem in _problems(folder)
    with pytest.raises(ManifestError):
        read_cohort(folder)


def test_a_cell_of_another_type_names_line_and_column(tmp_path: Path) -> None:
    folder = _write(tmp_path / "c", notes="case_id,note_id,path,day\n71,a,x.txt,soon\n")
    assert [where for where, _ in _problems(folder)] == ["notes.csv line 2: day"]


@pytest.mark.parametrize("mpp", ["nan", "inf", "-Infinity"])
def test_a_number_is_finite(tmp_path: Path, mpp: str) -> None:
    folder = _write(tmp_path / "c", slides=f"case_id,slide_id,path,mpp\n71,a,x.tif,{mpp}\n")
    assert [where for where, _ in _problems(folder)] == ["slides.csv line 2: mpp"]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'case_id,note_id,path,day\n71,a,x.txt,\n\n71,"two\nlines",y.txt,\n71,b\n71,c,z.txt,soon\n'
    folder = _write(tmp_path / "c", notes=text)
    assert [where for where, _ in _problems(folder)] == ["notes.csv line 6", "notes.csv line 7: day"]


def test_a_table_in_another_encoding_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    folder = _write(tmp_path / "c")
    (folder / "clinical.csv").write_bytes("case_id,psa\nMüller,4\n".encode("latin-1"))
    assert ("clinical.csv", "another encoding") in _problems(folder)


def test_a_region_may_be_drawn_once_a_frame(tmp_path: Path) -> None:
    head, row = "case_id,study_id,region,path,frame\n", "71,s,heart,a.nii,{}\n"
    rows = [row.format(frame) for frame in (1, 12)]
    folder = _write(tmp_path / "c", masks=head + "".join(rows))
    assert _problems(folder) == []
    assert [mask.frame for mask in read_cohort(folder).masks] == [1, 12]
    twice = _write(tmp_path / "c", masks=head + "".join([*rows, rows[0]]))
    assert _problems(twice) == [("masks.csv: case 71, s/heart of frame 1", "2 rows")]
    zero = _write(tmp_path / "c", masks=head + row.format(0))
    assert _problems(zero) == [("masks.csv line 2: frame", "Input should be greater than or equal to 1")]


def test_a_measured_variable_needs_no_column(tmp_path: Path) -> None:
    card = CARD.replace("excluded:", "  weight: {kind: numeric, unit: kg}\nexcluded:")
    folder = _write(
        tmp_path / "c", card, measurements="case_id,variable,day,value\n71,weight,-3,80\n71,weight,-1,81\n"
    )
    assert _problems(folder) == []


def test_a_variable_that_is_excluded_is_refused(tmp_path: Path) -> None:
    card = CARD.replace("excluded:", "  bcr_psa: {kind: numeric}\nexcluded:")
    assert "cohort.yaml: variables.bcr_psa" in [where for where, _ in _problems(_write(tmp_path / "c", card))]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: mine", "name: mine\nnmae: mine", "cohort.yaml: nmae"),
        ("prediction_day: 0", "prediction_day: soon", "prediction_day"),
        ("kind: numeric", "kind: real", "variables.psa.kind"),
        ("kind: numeric", "kind: ordinal", "kind ordinal and levels"),
        ("kind: numeric", "kind: binary, scale: log", "scale log is for numeric"),
        ("kind: numeric", "kind: binary, limits: [0, 1]", "limits are for numeric"),
        ("kind: numeric", "kind: numeric, separator: ';'", "a separator is for multilabel"),
        ("kind: survival", "kind: survivl", "endpoints.bcr.kind"),
        ("schema_version: 1", "schema_version: 2", "schema_version"),
        ("name: mine", "name: [", "expected YAML in UTF-8"),
        ("prediction_day: 0", "prediction_day: 0\nprediction_day: 90", "prediction_day is there twice"),
        ("kind: numeric", "kind: numeric, kind: binary", "the key kind is there twice"),
        ("horizon_days: 1826.25", "horizon_days: .inf", "endpoints.bcr.horizon_days"),
    ],
)
def test_a_card_that_is_wrong_names_the_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = _write(tmp_path / "c", CARD.replace(old, new, 1))
    with pytest.raises(ManifestError) as caught:
        read_cohort(folder)
    assert message in str(caught.value)


def test_a_score_needs_variables_that_are_there(tmp_path: Path) -> None:
    card = CARD + "risk_scores: {capra_s: {psa: psa, lymph_nodes: nodes}}\n"
    assert _problems(_write(tmp_path / "c", card)) == [
        ("cohort.yaml: risk_scores.capra_s.lymph_nodes", "none is called nodes")
    ]


def test_a_drafted_card_loads_and_each_gap_is_a_row(tmp_path: Path) -> None:
    card = CARD.replace("prediction_day: 0", "prediction_day: 'GAP: the day'\nundated: {notes: GAP}")
    card = card.replace("kind: numeric, unit: ng/mL", "kind: 'GAP: a kind', unit: 'GAP: a unit'")
    card = card.replace(", time_unit: months, horizon_days: 1826.25", "").replace("[north]", "['GAP: sites']")
    cohort, problems = inspect_cohort(_write(tmp_path / "c", card))
    assert {problem.level for problem in problems} == {"gap"} and all(problem.fails for problem in problems)
    assert [(problem.where, problem.remedy) for problem in problems[:3]] == [
        ("cohort.yaml: sites", "sites"),
        ("cohort.yaml: prediction_day", "the day"),
        ("cohort.yaml: undated.notes", "Fill it in."),
    ]
    assert [problem.where.removeprefix("cohort.yaml: ") for problem in problems[3:]] == [
        "variables.psa.kind",
        "variables.psa.unit",
        "endpoints.bcr.time_unit",
        "endpoints.bcr.horizon_days",
    ]
    assert cohort.card.undated_day("notes") is None and cohort.card.undated_day("slides") is None
    with pytest.raises(ManifestError, match="expected a whole number of days after the index event"):
        _ = cohort.card.prediction_day_number


def test_an_endpoint_without_time_has_no_gap_for_its_unit(tmp_path: Path) -> None:
    card = CARD.replace("kind: survival", "kind: binary").replace(", time_unit: months", "")
    assert _problems(_write(tmp_path / "c", card)) == []


def test_a_cohort_is_found_by_folder_or_by_name(tmp_path: Path, repository: Path) -> None:
    assert find_cohort(str(_write(tmp_path / "c"))) == tmp_path / "c"
    assert find_cohort("chimera") == repository / "data_manifests/chimera"
    with pytest.raises(ManifestError, match="a name under data_manifests/; got neither"):
        find_cohort("no_such_cohort")
    with pytest.raises(ManifestError, match="got no such file"):
        read_card(tmp_path / "cohort.yaml")


def test_a_day_at_index_is_day_0() -> None:
    variables = {"a": {"kind": "binary"}, "b": {"kind": "binary", "day": -3}}
    card = CohortCard.model_validate(
        {
            "schema_version": 1, "name": "n", "title": "t", "citation": "c", "licence": "l", "sites": [],
            "modalities": [], "index_event": "i", "prediction_day": 0, "variables": variables,
        }
    )  # fmt: skip
    assert [variable.day_number for variable in card.variables.values()] == [0, -3]
