from tokenbudget.capture import recent


def test_the_last_ones_are_known_and_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(recent, "_KEPT", 4)
    recent.forget()
    assert all(recent.remember(f"r{number}") for number in range(100))
    assert not any(recent.remember(f"r{number}") for number in range(96, 100))
    assert not recent.seen("r0")
    assert len(recent._now) + len(recent._before) <= 8
    recent.forget()
    assert not recent.seen("r99")
