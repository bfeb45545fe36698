"""The two-model tutorial of 2020 run again, each of its numbers beside ours."""
