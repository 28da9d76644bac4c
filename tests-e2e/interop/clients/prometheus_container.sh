# FOLDER has prometheus.yml, the file with the secret and room for the data, and the same name inside and outside.
exec docker run --rm --network=host --user="$(id -u)" --volume="$FOLDER:$FOLDER" prom/prometheus:v2.53.3 \
  --config.file="$FOLDER/prometheus.yml" --storage.tsdb.path="$FOLDER/data" "$@"
