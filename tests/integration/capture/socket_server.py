"""A provider's web socket on this machine, which says what the test has it say."""

import contextlib
import json
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


class SocketServer:
    """Greets each connection, and answers each message with the next of the replies, the last one again and again.

    A reply of None closes the connection.
    """

    def __init__(self):
        self.greeting = []
        self.replies = [[]]
        self.paths = []
        self._server = serve(self._talk, "127.0.0.1", 0)
        self.port = self._server.socket.getsockname()[1]

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def _talk(self, socket):
        self.paths.append(socket.request.path)
        left = list(self.replies)
        with contextlib.suppress(ConnectionClosed):
            self._say(socket, self.greeting)
            for _ in socket:
                reply = left.pop(0) if len(left) > 1 else left[0]
                if reply is None:
                    return
                self._say(socket, reply)

    def _say(self, socket, messages):
        for message in messages:
            socket.send(json.dumps(message))

    def run(self):
        self._server.serve_forever()

    def stop(self):
        self._server.shutdown()


@contextlib.contextmanager
def talking():
    server = SocketServer()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
