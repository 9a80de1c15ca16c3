# Makes the cluster at the first start, as POSTGRES_USER, _PASSWORD, _DB (or their _FILE) and
# POSTGRES_INITDB_ARGS say, then becomes the command, as the user postgres.
set -eu

value_of() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    [ -z "$file" ] || value=$(cat "$file")
    printf %s "$value"
}

if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -g postgres -m 0700 "$PGDATA"
    install -d -o postgres -g postgres -m 0775 /var/run/postgresql
    chown -R postgres:postgres "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --init-groups sh "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=$(value_of POSTGRES_USER)
    user=${user:-postgres}
    database=$(value_of POSTGRES_DB)
    database=${database:-$user}
    password=$(value_of POSTGRES_PASSWORD)
    [ -n "$password" ] || { echo "POSTGRES_PASSWORD is not there" >&2; exit 1; }
    umask 077
    printf '%s\n' "$password" >/tmp/password
    # shellcheck disable=SC2086 # a list of words
    initdb --username="$user" --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS:-}
    rm /tmp/password
    printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    pg_ctl -w start -o "-c listen_addresses=''"
    [ "$database" = postgres ] || createdb --username "$user" "$database"
    pg_ctl -m fast -w stop
fi
exec "$@" -c listen_addresses='*'
