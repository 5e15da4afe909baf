"""What every feature of the API stands on: problems, pages, the OpenAPI document, the dashboard's files."""
