# The secret goes through standard input: other users of the machine can read a command's arguments.
token=$(printf 'user = "%s:%s"' "$CLIENT_ID" "$(cat "$CLIENT_SECRET_FILE")" |
  curl -sSK - --fail-with-body "$TOKEN_URL" -d grant_type=client_credentials \
    --data-urlencode "audience=$AUDIENCE" --data-urlencode "scope=$SCOPE" |
  sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
printf 'Authorization: Bearer %s' "$token" | curl -sSH @- -o answer.json -w '%{http_code}' "$API_URL"
