# shellcheck shell=bash
# Redis for scripts/servers: in memory only.
variable[redis]=FANFARE_TEST_REDIS_URL
stop_signal[redis]=TERM

install_redis() {
  { has redis-server && has redis-cli; } || apt_install redis-server || missing redis "Redis (redis-server, redis-cli)"
}

make_home_redis() { mkdir "$dir/redis"; }

start_redis() {
  local port=$1
  spawn redis-server --bind 127.0.0.1 --port "$port" --dir "$PWD" --save "" --appendonly no
  echo "redis://127.0.0.1:$port" >url.next
}

# Another Redis may have the port; it has another process number.
answers_redis() {
  local pid ask=(timeout 5 redis-cli -h 127.0.0.1 -p "${1##*:}")
  read -r pid _ <"$dir/redis/pid"
  [ "$("${ask[@]}" PING 2>/dev/null)" = PONG ] \
    && "${ask[@]}" INFO server | tr -d '\r' | grep -x "process_id:$pid" >/dev/null
}
