"""Other people's calendars: one small port, and a back-end for each kind of server."""
