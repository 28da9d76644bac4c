from os import environ

import requests
from oauth_client.bearer_auth import challenge_of

answer = requests.delete(
    environ["API_URL"] + "/timesheets/1",
    headers={"Authorization": f"Bearer {environ['TOKEN']}"},
    timeout=10,
)
challenge = challenge_of(answer, "Bearer")
print(answer.status_code, challenge["error"], challenge["scope"])
