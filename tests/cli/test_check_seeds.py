"""``nnbench check`` says the same words once, and counts false alarms under many seeds."""

SHAPES = """
from nnbench import Suite, case, randn

suite = Suite("shapes")
suite.component(
    "half",
    reference=lambda x: x / 2,
    oracle=lambda x: x / 2,
    variants={"flat": lambda x: x.flatten() / 2},
    cases=[case(randn(4, 3)), case(randn(5, 3))],
)
"""


def test_a_failure_in_the_same_words_is_told_once(user):
    (user.folder / "shapes.py").write_text(SHAPES)
    answer = user.run("check", "--suite", "shapes.py", "shapes.half@flat", "--seed", "1")
    assert answer.code == 1
    assert answer.out.count("repeat: ") == 1
    assert "where (4, 3) is right" in answer.out
    assert "also in: " in answer.out


def test_several_seeds_count_false_alarms_and_name_the_seed(user):
    (user.folder / "shapes.py").write_text(SHAPES)
    ask = ("check", "--suite", "shapes.py", "shapes.half@flat", "shapes.half@reference", "--seeds", "3", "--seed", "11")
    answer = user.run(*ask)
    assert answer.code == 1
    assert "under 3 of 3 seeds (11, 12, 13). shapes.half@flat failed under every seed: it is wrong." in answer.out
    assert "false alarm" not in answer.out
    assert "failed under seed 11: " in answer.out
    assert "also under seeds: 12, 13" in answer.out
    rows = user.run(*ask, "--json").rows
    assert {row["seed"] for row in rows} == {11, 12, 13}
    counts = {seed: sum(row["seed"] == seed for row in rows) for seed in (11, 12, 13)}
    assert len(set(counts.values())) == 1


def test_seeds_are_drawn_anew_each_time(user):
    ask = ("check", "--suite", "toy.py", "toy.linear", "--seeds", "4", "--json")
    first, second = ({row["seed"] for row in user.run(*ask).rows} for _ in range(2))
    assert len(first) == len(second) == 4
    assert first != second


def test_a_right_component_has_no_false_alarm(user):
    answer = user.run("check", "--suite", "toy.py", "toy.linear", "--seeds", "3")
    assert answer.code == 0
    assert "checks failed under 3 seeds: no false alarm" in answer.out
