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


def test_containers_are_known_for_a_session_and_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(recent, "_KEPT", 4)
    recent.forget()
    assert all(recent.container(f"c{number}", "r", 0.0, "1g")[0] for number in range(100))
    assert not any(recent.container(f"c{number}", "other", 1.0, "")[0] for number in range(96, 100))
    assert recent.container("c0", "other", 1.0, "") == (True, "")
    assert len(recent._sessions) + len(recent._sessions_before) <= 8
    recent.forget()
    assert recent.container("c99", "other", 1.0, "") == (True, "")
