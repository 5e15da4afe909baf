"""How events are stored: exactly once, with their rollups, by writers that wait for nobody."""
