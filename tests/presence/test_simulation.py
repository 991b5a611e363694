"""benchmarks/simulation.py, small: what the engine makes of a bad scanner, held against the truth."""

from benchmarks.simulation import HOUR, judge, make_world, run_engine, run_naive


def test_few_false_disconnections_and_none_in_an_outage() -> None:
    world = make_world(devices=20, seconds=3 * HOUR, seed=6)
    naive, engine = (judge(world, *run(world)) for run in (run_naive, run_engine))
    assert engine.false_recorded_in_outage == 0
    assert naive.false_recorded_in_outage > 0
    assert naive.false >= 20 * max(1, engine.false)
    # Otherwise a rule that never disconnects anybody would do.
    assert engine.ends > 0
    assert engine.missed <= engine.ends
