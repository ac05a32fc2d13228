from __future__ import annotations

from pathlib import Path

import pytest

from extract.interchange.table_columns import ChosenColumns, ColumnChoice, choose_columns
from feature_cache.card import CohortCard
from feature_cache.errors import BraidError, ManifestError, SourceError
from feature_cache.strict_yaml import read_yaml
from tests.extract.interchange.conftest import CARD

HEADER = ("", "case_id", "slide_id", "AAK1_rnaseq", "BCR_rnaseq", "MYC_cnv", "censorship", "erased")


@pytest.fixture
def card(tmp_path: Path) -> CohortCard:
    path = tmp_path / "cohort.yaml"
    path.write_text(CARD, encoding="utf-8")
    declared = read_yaml(path)
    return CohortCard.model_validate(
        declared | {"excluded": {"erased": "treatment after day 0"}, "endpoints": {"grade": _endpoint()}}
    )


def _endpoint() -> dict[str, str]:
    return {"kind": "binary", "definition": "d"}


def choose(card: CohortCard, *columns: str, without: tuple[str, ...] = (), header=HEADER) -> ChosenColumns:
    return choose_columns("t.csv", header, ColumnChoice(columns=columns, without=without), card)


def test_patterns_and_names_in_the_order_of_the_table(card: CohortCard) -> None:
    chosen = choose(card, "*_cnv", "AAK1_rnaseq", "*_mut", without=("nothing_*",))
    assert chosen.names == ("AAK1_rnaseq", "MYC_cnv")
    assert (chosen.case_place, chosen.places) == (1, (3, 5))
    assert chosen.unmatched == ("*_mut", "nothing_*")


def test_a_gene_that_is_called_as_an_outcome_is_named_in_full(card: CohortCard) -> None:
    with pytest.raises(SourceError, match=r"no time of one; got BCR_rnaseq\. .*--columns NAME"):
        choose(card, "*_rnaseq")
    assert choose(card, "*_rnaseq", "BCR_rnaseq").names == ("AAK1_rnaseq", "BCR_rnaseq")
    assert choose(card, "*_rnaseq", without=("BCR*",)).names == ("AAK1_rnaseq",)


@pytest.mark.parametrize(
    "name",
    ["days_to_death", "vital_status", "OS.time", "overall_survival", "censorship", "BCR_PSA", "event"],
)
def test_outcomes_by_name_are_refused(card: CohortCard, name: str) -> None:
    with pytest.raises(SourceError, match="columns that hold no outcome"):
        choose(card, header=("case_id", "x", name))


@pytest.mark.parametrize(
    ("columns", "without", "message"),
    [
        ((), (), "names of one line; got ''"),
        (("AAK1_rnaseqs",), (), "none of it fits AAK1_rnaseqs"),
        (("*_mut",), (), r"none of it fits \*_mut"),
        (("MYC_cnv",), ("MYC_cnw",), "none of it fits MYC_cnw"),
        (("MYC_cnv",), ("*",), "columns that the table has"),
        (("erased",), (), r"it excludes \(treatment after day 0\)"),
        (("e*",), (), r"it excludes \(treatment after day 0\)"),
    ],
)
def test_what_cannot_be_chosen(
    card: CohortCard, columns: tuple[str, ...], without: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BraidError, match=message):
        choose(card, *columns, without=without)


def test_an_endpoint_is_refused_even_if_named_in_full(card: CohortCard) -> None:
    with pytest.raises(ManifestError, match="an endpoint"):
        choose(card, "grade", header=("case_id", "grade"))


def test_a_name_that_is_there_twice_and_an_absent_case_column(card: CohortCard) -> None:
    with pytest.raises(SourceError, match="names are there once; got x"):
        choose(card, header=("case_id", "x", "x"))
    assert choose(card, "y", header=("case_id", "x", "x", "y")).names == ("y",)
    with pytest.raises(SourceError, match=r"a column case_id .*; got 2 others: patient, x"):
        choose(card, header=("patient", "x"))
