"""The price book as a feature of the API."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.di import Provide
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenbudget_server.pricing import admin_routes
from tokenbudget_server.pricing.overrides import OwnPrices
from tokenbudget_server.pricing.prices import Prices, provide_pricer
from tokenbudget_server.pricing.routes import get_pricing, post_reprice
from tokenbudget_server.pricing.schedule import daily_sync
from tokenbudget_server.pricing.sync import PriceSync
from tokenbudget_server.settings import Settings
from tokenbudget_server.web.errors import InvalidPriceError, PriceTableError, RepricingUnderWayError
from tokenbudget_server.web.features import Dependency, Feature
from tokenbudget_server.web.problems import ProblemType

_PROBLEMS: Mapping[type[Exception], ProblemType] = {
    InvalidPriceError: ProblemType(
        "invalid-price",
        400,
        "The price cannot be set",
        "A value of a price of your own is missing, contradicts another or is out of bounds. `detail` says which.",
    ),
    RepricingUnderWayError: ProblemType(
        "repricing-under-way",
        409,
        "Events are being priced again already",
        "One repricing runs at a time. Ask again when it is done.",
    ),
    PriceTableError: ProblemType(
        "price-table-unavailable",
        502,
        "The price table cannot be fetched",
        "`TOKENBUDGET_PRICE_URL` does not answer in time, or not with a price table. Nothing was changed.",
    ),
}


def feature(settings: Settings, engine: AsyncEngine, prices: Prices) -> Feature:
    """Make the feature."""
    price_sync = PriceSync(engine, prices, settings.price_url)
    return Feature(
        name="pricing",
        description="The prices that events are priced with, their changes, and prices of your own.",
        routes=[
            get_pricing,
            post_reprice,
            admin_routes.post_sync_pricing,
            admin_routes.get_price_changes,
            admin_routes.get_price_overrides,
            admin_routes.post_price_override,
            admin_routes.delete_price_override,
        ],
        dependencies={
            "own_prices": Dependency.of(OwnPrices(engine, prices)),
            "price_sync": Dependency.of(price_sync, problems=(502,)),
            "prices": Dependency.of(prices),
            "pricer": Dependency(provide=Provide(provide_pricer)),
        },
        problems=_PROBLEMS,
        lifespans=[prices.built],
        jobs=[daily_sync(price_sync)] if settings.syncs_prices else [],
    )
