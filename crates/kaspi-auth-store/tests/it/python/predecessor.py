"""What the predecessor does with a row: `read` opens one, `write` makes one, `write_first` makes one as its first generation
did: an unsealed session, the password sealed as a bare text. JSON in, JSON out.

A row stands in the SQLite file that the input names; for other databases the row travels in the input and the output.
"""

import json
import sqlite3
import sys
from datetime import datetime, timezone

from cryptography.fernet import Fernet

chore, key = sys.argv[1:]
cipher = Fernet(key.encode())
given = json.load(sys.stdin)


def seal(value):
    return cipher.encrypt(json.dumps(value).encode()).decode()


def unseal(token):
    return json.loads(cipher.decrypt(token.encode()).decode())


def as_object(value):
    return json.loads(value) if isinstance(value, str) else value


if chore == "read":
    row = given.get("row")
    if row is None:
        connection = sqlite3.connect(given["file"])
        connection.row_factory = sqlite3.Row
        row = connection.execute(
            "SELECT guid, kaspi_email, kaspi_password, store_points FROM kaspi_stores WHERE merchant_id = ? AND is_active",
            (given["merchant_id"],),
        ).fetchone()
    guid = unseal(as_object(row["guid"])["encrypted"])
    answer = {
        "guid": guid,
        "authenticated_at": datetime.fromisoformat(guid["authenticated_at"]).astimezone(timezone.utc).isoformat(),
        "email": unseal(row["kaspi_email"]),
        "password": unseal(row["kaspi_password"]),
        "points": as_object(row["store_points"]),
    }
elif chore == "write_first":
    answer = {
        "guid": {"cookies": [{"name": "mc-sid", "value": given["value"], "domain": "mc.shop.kaspi.kz"}]},
        "kaspi_email": "first@example.kz",
        "kaspi_password": cipher.encrypt("пароль".encode()).decode(),
    }
else:
    now = datetime.now(timezone.utc).isoformat()
    guid = {
        "cookies": [{"name": "mc-sid", "value": given["value"], "domain": "mc.shop.kaspi.kz", "path": "/",
                     "expires": -1, "httpOnly": True, "secure": True, "sameSite": "Lax"}],
        "email": None,
        "password": None,
        "phone": "+7 (700) 123-45-67",
        "merchant_uid": given["merchant_id"],
        "authenticated_at": now,
        "sms_verified": True,
        "auth_method": "phone",
    }
    answer = {
        "guid": {"encrypted": seal(guid)},
        "kaspi_email": seal({"email": "python@example.kz"}),
        "kaspi_password": seal({"password": "пароль"}),
        "store_points": {"PP1": {"city_id": "750000000", "city_name": "Алматы", "enabled": True}},
        "authenticated_at": now,
    }
    if given["file"]:
        connection = sqlite3.connect(given["file"])
        connection.execute(
            "INSERT INTO kaspi_stores (merchant_id, name, guid, kaspi_email, kaspi_password, store_points)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (given["merchant_id"], "Лавка", json.dumps(answer["guid"]), answer["kaspi_email"],
             answer["kaspi_password"], json.dumps(answer["store_points"])),
        )
        connection.commit()

json.dump(answer, sys.stdout)
