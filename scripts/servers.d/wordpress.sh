# shellcheck shell=bash
# WordPress for scripts/servers: a real blog that speaks MetaWeblog, on PHP's own web server, with a MariaDB of its own
# behind it. Debian's package is unpacked, not installed: that would bring a web server that starts by itself.
variable[wordpress]=FANFARE_TEST_WORDPRESS
stop_signal[wordpress]=TERM

wordpress_packages=(php-cli php-mysql php-xml mariadb-server-core mariadb-client-core)

php_has() { php -m | grep -x "$1" >/dev/null; }

install_wordpress() {
  local deb=$dir/wordpress-package
  { has php && has mariadbd && has mariadb-install-db && has mariadb && php_has mysqli && php_has xml; } \
    || apt_install "${wordpress_packages[@]}" || missing wordpress "PHP with MySQL and XML, or MariaDB"
  [ ! -e "$deb/xmlrpc.php" ] || return 0
  rm -rf "$deb" "$deb.next" "$deb.whole"
  mkdir -p "$deb.next"
  "$root/scripts/apt-unpack" "$deb.next" wordpress wordpress-theme-twentytwentythree php-getid3 \
    || missing wordpress "WordPress (Debian's package)"
  # Links lead to what Debian keeps in packages of its own; scripts of the dashboard stay away.
  cp -r "$deb.next/usr/share/wordpress" "$deb.whole"
  rm -rf "$deb.whole/wp-includes/ID3"
  cp -rL "$deb.next/usr/share/wordpress/wp-includes/ID3" "$deb.whole/wp-includes/ID3"
  rm -rf "$deb.next"
  mv "$deb.whole" "$deb"
}

# A socket's path may have 107 characters, and ours may be longer: the home is a link.
make_home_wordpress() {
  local home
  home=$(mktemp -d /var/tmp/fanfare-wordpress.XXXXXX)
  ln -s "$home" "$dir/wordpress"
}

start_wordpress() {
  local port=$1
  if [ ! -e password ]; then
    random_bytes 18 | base64url >password
    cp -r "$dir/wordpress-package" site
    wordpress_config >site/wp-config.php
    wordpress_first_run >first-run.php
    wordpress_serve >serve
    mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$PWD/data" --auth-root-authentication-method=normal \
      --skip-test-db >/dev/null
  fi
  spawn bash "$PWD/serve" "$PWD" "$port"
  echo "http://fanfare:$(<password)@127.0.0.1:$port/xmlrpc.php" >url.next
}

# No other blog has this password.
answers_wordpress() {
  local url=$1 home password answer
  home=$dir/wordpress
  password=$(<"$home/password")
  [ -e "$home/installed" ] || return 1
  answer=$(timeout 10 php -r '$c = stream_context_create(["http" => ["method" => "POST", "header" => "Content-Type: text/xml",
    "content" => $argv[2]]]); echo @file_get_contents($argv[1], false, $c);' \
    "http://${url#*@}" "<methodCall><methodName>blogger.getUsersBlogs</methodName><params><param><value>x</value></param>
    <param><value>fanfare</value></param><param><value>$password</value></param></params></methodCall>") || return 1
  [[ $answer == *blogid* ]]
}

wordpress_config() {
  cat <<PHP
<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:$PWD/db.sock');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_SITEURL', 'http://' . (\$_SERVER['HTTP_HOST'] ?? '127.0.0.1'));
define('WP_HOME', WP_SITEURL);
\$table_prefix = 'wp_';
if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }
require_once ABSPATH . 'wp-settings.php';
PHP
}

# Makes the blog and its one author.
wordpress_first_run() {
  cat <<'PHP'
<?php
define('WP_INSTALLING', true);
function wp_new_blog_notification($title, $url, $user, $password) {}
require __DIR__ . '/site/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('fanfare', 'fanfare', 'fanfare@example.com', true, '', trim(file_get_contents(__DIR__ . '/password')));
PHP
}

# Database and web server as one process that ends both. PHP's server stays one process too: workers would outlive it.
wordpress_serve() {
  cat <<'BASH'
cd "$1"
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 0' TERM INT
db=(mariadb --no-defaults --socket="$PWD/db.sock" --user=root)
rm -f db.sock
setpriv --pdeathsig KILL mariadbd --no-defaults --user="$(id -un)" --datadir="$PWD/data" --socket="$PWD/db.sock" \
  --pid-file="$PWD/db.pid" --skip-networking --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=2 &
for _ in $(seq 300); do "${db[@]}" -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.1; done
if [ ! -e installed ]; then
  "${db[@]}" -e 'CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4' && php first-run.php && touch installed || exit 1
fi
setpriv --pdeathsig KILL php -d memory_limit=256M -d post_max_size=8M -S "127.0.0.1:$2" -t site &
wait -n
kill $(jobs -p) 2>/dev/null
wait
BASH
}
