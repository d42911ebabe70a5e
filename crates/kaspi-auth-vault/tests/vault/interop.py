"""Answers the interoperability test: one JSON request per line in, one JSON answer per line out.

Uses only the public interface of `cryptography.fernet`. A token that Python refuses is answered with `refused`.
"""

import base64
import json
import sys

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


def answer(request):
    op = request["op"]
    if op == "accepts_key":
        try:
            Fernet(request["key"])
        except ValueError:
            return {"accepted": False}
        return {"accepted": True}

    fernets = [Fernet(key) for key in request["keys"]]
    ring = MultiFernet(fernets)
    # One key alone goes through Fernet, so that both classes are tried.
    alone_or_ring = fernets[0] if len(fernets) == 1 else ring
    token = request.get("token", "").encode()
    if op == "seal":
        return {"token": alone_or_ring.encrypt_at_time(base64.b64decode(request["plain"]), request["at"]).decode()}
    try:
        if op == "open":
            return {"plain": base64.b64encode(alone_or_ring.decrypt(token)).decode()}
        if op == "open_at":
            return {"plain": base64.b64encode(alone_or_ring.decrypt_at_time(token, request["ttl"], request["now"])).decode()}
        if op == "timestamp":
            return {"at": fernets[0].extract_timestamp(token)}
        if op == "rotate":
            return {"token": ring.rotate(token).decode()}
    except InvalidToken:
        return {"refused": True}
    raise ValueError(op)


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
