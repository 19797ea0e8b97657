"""`make test` without a DAY: what it prints and with which status it ends; the proofs themselves run in CI."""

from shared.author import prove as course


def test_pytest_s_last_line_is_counted():
    assert course.count_tests("...\n1 failed, 20 passed, 2 skipped, 3 errors in 3.21s") == (20, 4)
    assert course.count_tests("20 passed in 1s\n") == (20, 0)


def test_the_course_is_proved_step_by_step(tmp_path, monkeypatch, capsys):
    (tmp_path / "w9d1_x" / "solution").mkdir(parents=True)
    (tmp_path / "w9d1_x" / "README.md").write_text("# W9D1 · X\n", encoding="utf-8")
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    outcomes = {
        "_solution": (7, 0, "7 pass", ""),
        "_skeleton": (1, 2, "no", "why not"),
        "_shared": (30, 0, "30 pass", ""),
    }
    for name, outcome in outcomes.items():
        monkeypatch.setattr(course, name, lambda *_, outcome=outcome: outcome)
    assert course.prove("cpu") == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "38 passed, 2 failed"
    assert "FAILED: no\n\nwhy not\n" in out
    monkeypatch.setattr(course, "_skeleton", lambda *_: (2, 0, "fine", ""))
    assert course.prove("cpu") == 0


def test_a_course_without_days_is_broken(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BYO_ROOT", str(tmp_path))
    assert course.prove("cpu") == 2
