"""A feature needs nothing but its own folder and an entry in the list."""

from contextlib import asynccontextmanager

import pytest
from litestar import get, post
from litestar.di import Provide
from litestar.openapi.spec import OpenAPIType, Parameter, Schema, SecurityScheme
from litestar.testing import TestClient
from sqlalchemy.ext.asyncio import create_async_engine

from tokenbudget_server.app import mount
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.problems import ProblemType

NOWHERE = create_async_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")  # Never connected to.
EMPTY = ProblemType("machine-empty", 409, "The machine is empty", "Fill it.")
STRENGTH = Parameter(name="strength", param_in="query", schema=Schema(type=OpenAPIType.INTEGER))


class EmptyError(Exception):
    pass


def brew(barista: str, coffee: str) -> str:
    return f"{coffee} by {barista}"


@get("/coffee", tags=["coffee"], sync_to_thread=False)
def get_coffee(cup: str) -> str:
    return cup


@get("/coffee/{strength:int}", tags=["coffee"], sync_to_thread=False)
def get_strong_coffee(cup: str, strength: int) -> str:
    return cup * strength


@post("/refill", tags=["coffee"], problems=(409,), sync_to_thread=False)
def post_refill(data: dict[str, int]) -> None:
    raise EmptyError(f"{len(data)} beans are left")


def features(happened):
    def lifespan(name):
        @asynccontextmanager
        async def opened():
            happened.append(f"{name} opens")
            yield
            happened.append(f"{name} closes")

        return opened

    staff = Feature(name="staff", dependencies={"barista": Dependency.of("Ada")}, lifespans=[lifespan("staff")])
    coffee = Feature(
        name="coffee",
        description="Hot drinks.",
        routes=[get_coffee, get_strong_coffee, post_refill],
        dependencies={
            "coffee": Dependency.of("espresso", security=["Till"], problems=(401,)),
            "cup": Dependency(provide=Provide(brew, sync_to_thread=False), parameters=[STRENGTH]),
        },
        problems={EmptyError: EMPTY},
        security={"Till": SecurityScheme(type="http", scheme="basic")},
        lifespans=[lifespan("coffee"), lifespan("milk")],
    )
    return [staff, coffee]


@pytest.fixture
def happened():
    return []


@pytest.fixture
def client(happened):
    with TestClient(mount(features(happened), NOWHERE)) as client:
        yield client


def test_a_feature_provides_to_others_and_is_served(client):
    assert client.get("/coffee").text == "espresso by Ada"


def test_its_exceptions_are_its_problems(client):
    problem = client.post("/refill", json={"beans": 1})
    assert problem.json() == {
        "type": "/problems/machine-empty",
        "title": "The machine is empty",
        "status": 409,
        "detail": "1 beans are left",
    }


def test_lifespans_open_in_order_and_close_in_the_other(happened):
    with TestClient(mount(features(happened), NOWHERE)):
        assert happened == ["staff opens", "coffee opens", "milk opens"]
    assert happened[3:] == ["milk closes", "coffee closes", "staff closes"]


def test_what_it_declares_is_documented(client):
    document = client.get("/schema/openapi.json").json()
    assert document["tags"] == [{"name": "coffee", "description": "Hot drinks."}]
    assert document["components"]["securitySchemes"] == {"Till": {"type": "http", "scheme": "basic"}}
    assert EMPTY.uri in document["info"]["description"]
    cup, strong = document["paths"]["/coffee"]["get"], document["paths"]["/coffee/{strength}"]["get"]
    assert cup["security"] == [{"Till": []}]
    assert sorted(cup["responses"]) == ["200", "400", "401", "429"]
    assert [parameter["in"] for parameter in cup["parameters"]] == ["query"]
    assert [parameter["in"] for parameter in strong["parameters"]] == ["path"]
    assert EMPTY.uri in document["paths"]["/refill"]["post"]["responses"]["409"]["description"]
