# shellcheck shell=bash
# A mail server for scripts/servers: aiosmtpd, which takes everything and puts it into a Maildir. Its variable's path is
# that Maildir's, so that tests can read what came.
variable[smtp]=FANFARE_TEST_SMTP
stop_signal[smtp]=TERM

# The Python that has it: where another one is first in the path, Debian's.
smtp_python() {
  local it
  for it in python3 /usr/bin/python3; do
    if has "$it" && "$it" -c 'import aiosmtpd' 2>/dev/null; then
      echo "$it"
      return
    fi
  done
  return 1
}

install_smtp() {
  smtp_python >/dev/null || apt_install python3-aiosmtpd || missing smtp "aiosmtpd (Debian's python3-aiosmtpd)"
}

make_home_smtp() { mkdir "$dir/smtp"; }

start_smtp() {
  local port=$1
  spawn "$(smtp_python)" -m aiosmtpd -n -l "127.0.0.1:$port" -c aiosmtpd.handlers.Mailbox "$PWD/mail"
  echo "smtp://127.0.0.1:$port$PWD/mail" >url.next
}

# Another server may have the port; ours has ended then.
answers_smtp() {
  local greeting port=${1#smtp://127.0.0.1:}
  { exec {mail}<>"/dev/tcp/127.0.0.1/${port%%/*}"; } 2>/dev/null || return 1
  IFS= read -r -t 5 greeting <&"$mail" && [[ $greeting = "220 "* ]] && alive smtp
}
