"""What a program of the predecessor's does with the shared table, by its own driver. `call` reads a row's `guid`, opens it and asks the
cabinet with its cookies; `write` seals cookies as a `guid` and writes it into the row, which may be new. JSON in, JSON out.
"""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

import asyncpg
from cryptography.fernet import Fernet

chore, key = sys.argv[1:]
cipher = Fernet(key.encode())
given = json.load(sys.stdin)
uid = given["merchant_id"]


def ask_cabinet(guid):
    host = given["host"].split(":")[0]
    cookies = [
        f'{cookie["name"]}={cookie["value"]}'
        for cookie in guid["cookies"]
        if cookie["domain"].lstrip(".") in (host, host.split(".", 1)[1])
    ]
    request = urllib.request.Request(
        f'http://{given["address"]}/s/m',
        headers={"Host": given["host"], "Cookie": "; ".join(cookies), "x-auth-version": "3"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, {}


async def call(connection):
    row = await connection.fetchrow("SELECT guid FROM kaspi_stores WHERE merchant_id = $1 AND is_active", uid)
    guid = json.loads(cipher.decrypt(json.loads(row["guid"])["encrypted"].encode()).decode())
    status, body = ask_cabinet(guid)
    authenticated_at = datetime.fromisoformat(guid["authenticated_at"])
    return {
        "status": status,
        "merchants": [merchant["uid"] for merchant in body.get("merchants", [])],
        "merchant_uid": guid["merchant_uid"],
        "authenticated_at": authenticated_at.astimezone(timezone.utc).isoformat(),
    }


async def write(connection):
    guid = {
        "cookies": given["cookies"],
        "email": given["email"],
        "password": given["password"],
        "phone": None,
        "merchant_uid": uid,
        "authenticated_at": datetime.now(timezone.utc).isoformat(),
        "sms_verified": False,
        "auth_method": "email",
    }
    sealed = json.dumps({"encrypted": cipher.encrypt(json.dumps(guid).encode()).decode()})
    changed = await connection.execute(
        "UPDATE kaspi_stores SET guid = $2::jsonb, updated_at = now() WHERE merchant_id = $1", uid, sealed
    )
    if changed == "UPDATE 0":
        await connection.execute(
            "INSERT INTO kaspi_stores (merchant_id, name, guid) VALUES ($1, $2, $3::jsonb)", uid, "Лавка", sealed
        )
    return json.loads(sealed)


async def main():
    connection = await asyncpg.connect(given["database"])
    try:
        return await {"call": call, "write": write}[chore](connection)
    finally:
        await connection.close()


json.dump(asyncio.run(main()), sys.stdout)
