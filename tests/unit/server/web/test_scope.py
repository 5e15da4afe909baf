"""A scope is a value: narrowed, never widened."""

import pytest

from tokenbudget_server.accounts.principal import RIGHTS, ApiKey, Principal, Role, Sender, Session
from tokenbudget_server.web.problems import ProblemError
from tokenbudget_server.web.scope import Actor, Scope, installation_scope


def principal(credential):
    return Principal(user_id=3, organisation_id=4, role=Role.OWNER, team_ids=(), credential=credential)


def test_a_scope_is_narrowed_to_one_of_its_projects_and_no_other():
    scope = Scope(actor=Actor("key", "key_1", 3), role=Role.OWNER, organisation_id=4, project_ids=(1, 2))
    assert scope.narrow(2).project_ids == (2,)
    assert scope.project_ids == (1, 2)
    for other in (0, 3, -1, 10**30):
        with pytest.raises(ProblemError, match=f"there is no project {other}$") as refused:
            scope.narrow(other)
        assert refused.value.status_code == 404
    with pytest.raises(ProblemError):
        scope.narrow(2).narrow(1)


def test_the_admin_key_opens_no_organisations_data():
    scope = installation_scope("203.0.113.7")
    assert (scope.organisation_id, scope.project_ids, scope.rights) == (None, (), frozenset())


@pytest.mark.parametrize(
    ("credential", "rights", "acts_for_user"),
    [
        (Session("s"), RIGHTS, True),
        (ApiKey(1, "key_1", RIGHTS), RIGHTS, True),
        (ApiKey(1, "key_1", frozenset({"read"})), {"read"}, False),
        (ApiKey(1, "key_1", frozenset()), set(), False),
    ],
)
def test_what_a_credential_is_for(credential, rights, acts_for_user):
    asks = principal(credential)
    assert (asks.rights, asks.acts_for_user) == (rights, acts_for_user)


def test_events_belong_to_the_project_of_a_key():
    assert principal(ApiKey(1, "key_1", RIGHTS, project_id=2)).sender() == Sender(api_key_id=1, project_id=2)
    for credential in (Session("s"), ApiKey(1, "key_1", RIGHTS, team_id=2)):
        with pytest.raises(ProblemError, match="of the project") as refused:
            principal(credential).sender()
        assert refused.value.status_code == 403
