"""NextGen Enterprise's proprietary API: persons and what is in their charts, over OData."""
