"""The HTTP server in front of the WSGI app: slow clients cost it a socket, never a thread.

One event loop reads requests and writes answers; threads run the app, on whole requests only. Every
wait for a client has a deadline. `server.py` is the way in; nothing here knows the app.
"""
