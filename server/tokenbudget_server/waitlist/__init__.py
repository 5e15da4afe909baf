"""Who would like to hear of the product."""
