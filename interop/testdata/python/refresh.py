"""The refresh flow of the example, by a Python client."""
import sys
import requests

base = sys.argv[1] + "/refresh"
login = {"email": "alice@example.com", "password": "secret"}


def bearer(token):
    return {"Authorization": "Bearer " + token}


def expect(response, status, **members):
    assert response.status_code == status, (response.status_code, response.text)
    body = response.json()
    for name, value in members.items():
        assert body[name] == value, (name, body)
    return body


s = requests.Session()
expect(s.post(base + "/login", json={**login, "password": "wrong"}), 401, error="Invalid credentials")
first = expect(s.post(base + "/login", json=login), 200, token_type="bearer", expires_in=3600)
profile = expect(s.get(base + "/profile", headers=bearer(first["access_token"])), 200)
assert profile["user"] == {"id": "1", "email": "alice@example.com", "role": "admin"}, profile

# A refresh token is not accepted as an access token, nor the reverse.
r = s.get(base + "/profile", headers=bearer(first["refresh_token"]))
expect(r, 401, error="Unauthorized")
assert r.headers["WWW-Authenticate"].startswith("Bearer"), r.headers
expect(s.post(base + "/refresh", json={"refresh_token": first["access_token"]}), 401, error="Invalid refresh token")

second = expect(s.post(base + "/refresh", json={"refresh_token": first["refresh_token"]}), 200, token_type="bearer")
again = expect(s.post(base + "/refresh", json={"refresh_token": first["refresh_token"]}), 200)
assert again["refresh_token"] == second["refresh_token"], "the same successor within the grace"
third = expect(s.post(base + "/refresh", json={"refresh_token": second["refresh_token"]}), 200)
expect(s.get(base + "/profile", headers=bearer(third["access_token"])), 200)

# The first token again, within the grace, after its successor was used: refused, and the login lives on.
expect(s.post(base + "/refresh", json={"refresh_token": first["refresh_token"]}), 401, error="Invalid refresh token")
expect(s.get(base + "/profile", headers=bearer(third["access_token"])), 200)
expect(s.post(base + "/refresh", json={"refresh_token": third["refresh_token"]}), 200)

# Logout.
mine = expect(s.post(base + "/login", json=login), 200)
out = s.post(base + "/logout", json={"refresh_token": mine["refresh_token"]}, headers=bearer(mine["access_token"]))
expect(out, 200, message="Logged out successfully")
expect(s.get(base + "/profile", headers=bearer(mine["access_token"])), 401)
expect(s.post(base + "/refresh", json={"refresh_token": mine["refresh_token"]}), 401)
print("ok")
