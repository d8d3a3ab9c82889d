"""Serve runs over HTTP: `python server.py --host 127.0.0.1 --port 8000`. docs/server.md says what can be asked."""

from scripts.serve import main

if __name__ == "__main__":
    main()
