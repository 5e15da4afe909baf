"""Users, teams, projects, API keys and sessions."""
