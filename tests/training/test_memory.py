"""How much memory is free."""

import torch

from sirenpde.training.memory import UNKNOWN, free_memory


def test_the_processor_has_some_and_not_endless_memory():
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50


def test_where_the_system_does_not_list_it_all_of_it_counts(monkeypatch):
    monkeypatch.setattr("pathlib.Path.read_text", lambda path, encoding: "MemTotal: 1 kB\n")
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    assert free_memory(torch.device("cpu")) == 4_096_000


def test_where_the_system_says_nothing_a_number_is_assumed(monkeypatch):
    def silent(name):
        raise OSError(name)

    monkeypatch.setattr("pathlib.Path.read_text", lambda path, encoding: silent(path))
    monkeypatch.setattr("os.sysconf", silent)
    assert free_memory(torch.device("cpu")) == UNKNOWN
