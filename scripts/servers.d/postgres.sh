# shellcheck shell=bash
# PostgreSQL for scripts/servers: a cluster of its own, never the one that Debian's package makes. Its superuser is
# fanfare, with a password, so that a test of a wrong one can fail.
variable[postgres]=FANFARE_TEST_DATABASE_URL
stop_signal[postgres]=QUIT # PostgreSQL's immediate stop

# Where initdb and postgres are; Debian has them in no PATH. The newest, if there are several, or those in
# FANFARE_POSTGRES_BIN.
postgres_bin() {
  local initdb
  [ -z "${FANFARE_POSTGRES_BIN:-}" ] || { echo "$FANFARE_POSTGRES_BIN"; return 0; }
  initdb=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1) || true
  initdb=${initdb:-$(command -v initdb)} && dirname "$(readlink -f "$initdb")"
}

install_postgres() {
  postgres_bin >/dev/null || apt_install postgresql || missing postgres "PostgreSQL (initdb, postgres, psql)"
  ((EUID != 0)) || id postgres >/dev/null 2>&1 || die "PostgreSQL refuses to run as root, and there is no user postgres."
}

# As root it runs as the user postgres, who may not be able to enter our folder: the home is a link to one that he can.
# Not in /tmp, which may be memory: commits are measured.
make_home_postgres() {
  local home
  if ((EUID != 0)); then
    mkdir "$dir/postgres"
  else
    home=$(mktemp -d /var/tmp/fanfare-postgres.XXXXXX)
    ln -s "$home" "$dir/postgres"
    chmod 755 "$home"
  fi
}

start_postgres() {
  local port=$1 bin as_user=()
  bin=$(postgres_bin)
  ((EUID != 0)) || as_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
  if [ ! -e data/postgresql.conf ]; then
    random_bytes 18 | base64url >password
    mkdir data
    ((EUID != 0)) || chown postgres password data
    "${as_user[@]}" "$bin/initdb" --pgdata="$PWD/data" --username=fanfare --pwfile="$PWD/password" \
      --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync
    # fsync stays on (initdb alone goes without): commits are measured. pg_stat_statements counts statements, where
    # it is installed.
    cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
fsync = on
CONF
    [ ! -e "$bin/../lib/pg_stat_statements.so" ] \
      || echo "shared_preload_libraries = 'pg_stat_statements'" >>data/postgresql.conf
  fi
  spawn "${as_user[@]}" "$bin/postgres" -D "$PWD/data" -p "$port"
  echo "postgres://fanfare:$(<password)@127.0.0.1:$port/fanfare" >url.next
}

# No other server has this password. The database is made when the server first answers.
answers_postgres() {
  local url=$1 psql
  psql=$(command -v psql || echo "$(postgres_bin)/psql")
  psql=(timeout 5 "$psql" --no-psqlrc --quiet --tuples-only --no-align)
  export PGCONNECT_TIMEOUT=3 PGSSLMODE=disable
  [ "$("${psql[@]}" "$url" -c 'SELECT 1' 2>/dev/null)" != 1 ] || return 0
  "${psql[@]}" "${url%/fanfare}/postgres" -c 'CREATE DATABASE fanfare' >/dev/null 2>&1 || true
  return 1
}
