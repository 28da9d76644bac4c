# The image of PostgreSQL runs this once, on an empty volume: a role and a database for each server, which no other role can
# open. The passwords are read from files by psql, so that they are in no list of processes.
for name in auth_server protected_api; do
    export name
    psql --username postgres --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$name" <<'END'
SET log_min_error_statement = panic; -- an error must not show the password
\set password `cat /run/secrets/$name`
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT, TEMPORARY ON DATABASE :"name" FROM PUBLIC;
END
done
