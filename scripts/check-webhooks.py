"""Starts the program, has a channel fail, and verifies what the webhook is told. See check-webhooks."""

import http.server
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATIENCE_S = 30
told: queue.Queue = queue.Queue()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        told.put(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def started(program, url, data):
    notices = f'[{{name = "check", kind = "webhook", url = "{url}", secret = "{SECRET}", language = "ko", allow_inside = true}}]'
    channel = "FANFARE_CHANNELS__INSTAGRAM__"
    settings = {
        "FANFARE_DATA_DIR": data,
        "FANFARE_LISTEN": "127.0.0.1:0",
        "FANFARE_LOG": "error",
        "FANFARE_NOTICES": notices,
        "FANFARE_ENGINE__MAX_ATTEMPTS": "1",
        # Nobody is there.
        f"{channel}MODE": "live",
        f"{channel}PROTOCOL": "gateway",
        f"{channel}BASE_URL": "http://127.0.0.1:9",
        f"{channel}ACCESS_TOKEN": "token",
    }
    service = subprocess.Popen([program, "serve"], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
    # Its end is the end of what it says, so nothing is waited for longer.
    too_late = threading.Timer(PATIENCE_S, service.kill)
    too_late.start()
    try:
        for line in service.stdout:
            if line.startswith("fanfare is ready on "):
                return service, line.split()[-1]
    finally:
        too_late.cancel()
    service.kill()
    sys.exit(f"check-webhooks: the service was not ready within {PATIENCE_S} s (exit code {service.wait()})")


def distribute(base):
    body = {
        "eventId": "evt-1",
        "channels": ["Instagram"],
        "contentUrls": {"imageUrl": "https://a.kr/a.jpg"},
        "channelOptions": {"Instagram": {"caption": "여는 날"}},
    }
    request = urllib.request.Request(
        f"{base}/api/distribution/distribute", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert json.load(answer)["status"] == "FAILED"


def verify(headers, body):
    webhook = Webhook(SECRET)
    notice = webhook.verify(body, headers)
    assert notice["type"] == "delivery.failed" and notice["data"]["channel"] == "Instagram", notice
    late = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)}
    for changed, text in [(headers, body.replace(b"evt-1", b"evt-2")), (late, body)]:
        try:
            webhook.verify(text, changed)
        except WebhookVerificationError:
            continue
        sys.exit("check-webhooks: what was tampered with is taken")
    return notice


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as data:
        service, base = started(sys.argv[1], f"http://127.0.0.1:{server.server_port}/hook", data)
        try:
            distribute(base)
            notice = verify(*told.get(timeout=PATIENCE_S))
        finally:
            service.kill()
            service.wait()
    print(f"check-webhooks: verified: {notice['data']['title']}")


main()
