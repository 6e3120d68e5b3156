"""``nnbench check --only``: the named checks and no others, as the line that repeats a failure asks for."""


def test_only_the_named_checks_are_made(user):
    named = ("--only", "mode", "--only", "forward_float64")
    answer = user.run("check", "--suite", "toy.py", "toy.double@torch", *named, "--json")
    assert answer.code == 0
    assert [row["check"] for row in answer.rows] == ["forward_float64", "mode"]


def test_what_ended_the_process_is_repeated_with_the_checks_that_were_asked_for(user):
    limits = ("--timeout", "3", "--memory-limit", "512MiB")
    answer = user.run("check", "--suite", "toy.py", "toy.double@hanging", "--only", "sizes", *limits, "--seed", "5")
    assert answer.code == 1
    asked = "--only sizes --suite toy.py --timeout 3 --memory-limit 512MiB --seed 5"
    assert f"repeat: nnbench check 'toy.double@hanging[16x8]' {asked}" in answer.out
