"""The same actions over HTTP. `create_app` in server/app.py makes it; docs/server.md is for those who call it."""
