"""How long attacks go on that could go on forever."""


def pytest_addoption(parser):
    parser.addoption(
        "--attack-minutes",
        type=int,
        default=0,
        metavar="N",
        help="make requests of the server's OpenAPI document for so long, instead of a few of each route",
    )
