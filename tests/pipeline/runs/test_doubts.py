"""What nobody would believe of a run is said where the run ends, and not only in its report."""


def test_a_film_that_is_flagged_from_first_to_last_second_is_doubted_by_run_and_infer(night, capsys):
    everything = [f"infer.thresholds.{label}.{key}=0" for label in night.LABELS for key in ("flag", "frame", "title")]
    options = [word for setting in everything for word in ("--set", setting)]
    capsys.readouterr()
    assert night.command("run", *options) == 0
    out = capsys.readouterr().out
    said = [line for line in out.splitlines() if line.startswith("! ")]
    assert len(said) == 4, out
    assert all("the whole of it is one segment" in line and "look before you skip it" in line for line in said)
    assert night.command("run", *options) == 0
    assert "! " not in capsys.readouterr().out  # nothing new
    assert night.command("infer", *options) == 0
    assert "the whole of it is one segment" in capsys.readouterr().out
