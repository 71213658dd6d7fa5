"""A shop that knows nothing of telemetry but one counter: opentelemetry-instrument python app.py.

Prints the port it listens on; SIGTERM ends it, once the SDK has sent everything.
"""

import logging
import signal
import sys

from flask import Flask
from opentelemetry import metrics
from werkzeug.serving import make_server

app = Flask(__name__)
log = logging.getLogger("shop")
orders = metrics.get_meter("shop").create_counter("shop.orders", unit="{order}")


@app.get("/orders/<number>")
def order(number):
    orders.add(1, {"customer.tier": "gold"})
    log.warning("order %s is late", number)
    return {"order": number}


@app.get("/health")
def health():
    return {"status": "up"}


@app.get("/broken")
def broken():
    raise RuntimeError("the shop is closed")


def main():
    server = make_server("127.0.0.1", 0, app, threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
