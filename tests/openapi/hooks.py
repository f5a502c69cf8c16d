"""Gives each request a key of its own: schemathesis makes few different ones, and a key that was given
to another request is refused (422), whatever else the request holds."""

import re
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if key and re.fullmatch(r"[!-~]{1,255}", str(key)):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
