from tokenbudget.capture import seen_ids


def test_the_last_ones_are_known_and_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(seen_ids, "_KEPT", 4)
    seen_ids.forget()
    assert all(seen_ids.remember(f"r{number}") for number in range(100))
    assert not any(seen_ids.remember(f"r{number}") for number in range(96, 100))
    assert not seen_ids.seen("r0")
    assert len(seen_ids._now) + len(seen_ids._before) <= 8
    seen_ids.forget()
    assert not seen_ids.seen("r99")


def test_containers_are_known_for_a_session_and_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(seen_ids, "_KEPT", 4)
    seen_ids.forget()
    assert all(seen_ids.container(f"c{number}", "r", 0.0, "1g")[0] for number in range(100))
    assert not any(seen_ids.container(f"c{number}", "other", 1.0, "")[0] for number in range(96, 100))
    assert seen_ids.container("c0", "other", 1.0, "") == (True, "")
    assert len(seen_ids._sessions) + len(seen_ids._sessions_before) <= 8
    seen_ids.forget()
    assert seen_ids.container("c99", "other", 1.0, "") == (True, "")
