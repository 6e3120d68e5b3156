"""The exact counters that `nnbench show` prints."""

from nnbench.cli.counter_table import counter_rows, print_counters
from nnbench.tables import Line


def test_variants_stand_side_by_side():
    found = {"reference": {"operators": 1234, "flops": 0}, "torch": {"operators": 7, "saved_bytes": 4096}}
    assert counter_rows(found) == [
        "                            reference     torch",
        "  FLOPs                             0",
        "  operators dispatched         1.23 k         7",
        "  bytes saved for backward             4.00 KiB",
    ]


def test_three_variants_go_into_eighty_columns_however_long_their_names():
    names = [f"{letter}_variant_with_a_long_name" for letter in "abc"]
    rows = counter_rows({name: {"state_bytes": 8, "peak_live_bytes": 2**30} for name in names})
    assert max(map(len, rows)) <= 80
    assert "b_variant_w…" in rows[0]


def test_every_case_has_a_block(capsys):
    lines = [
        Line("a", case, variant, counters={"flops": 5}) for case in ("small", "large") for variant in ("one", "two")
    ]
    print_counters(lines)
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("Exact counters of one call")
    assert [text for text in out if not text.startswith(" ")][2:] == ["small", "large"]


def test_nothing_counted_is_nothing_printed(capsys):
    print_counters([Line("a", "small", "one")])
    assert capsys.readouterr().out == ""
