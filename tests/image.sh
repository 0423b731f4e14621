#!/bin/sh
# Inside the image, as its user: the demo, a daemon on the demo's server, its health, SIGTERM.  Ends with 0 and "all well".
set -eu
[ "$(id -u)" != 0 ] || { echo "runs as root"; exit 1; }
echo "size: $(du -sm /opt/cardsync | cut -f1) MB above the base"

cardsync demo --keep --directory /tmp/demo >/tmp/demo.log 2>&1 &
demo=$!
until grep -q "Ctrl-C" /tmp/demo.log; do
  kill -0 $demo 2>/dev/null || { cat /tmp/demo.log; exit 1; }
  sleep 1
done
grep -c "^.*asked" /tmp/demo.log | sed 's/^/lines of the demo that tell of a question: /'

export CARDSYNC_CONFIG=/tmp/demo/cardsync.toml
if cardsync healthcheck --live; then echo "healthy without a daemon"; exit 1; fi
cardsync run 2>/tmp/run.log &
daemon=$!
until grep -q '"event": "cycle"' /tmp/run.log; do
  kill -0 $daemon 2>/dev/null || { cat /tmp/run.log; exit 1; }
  sleep 1
done
cardsync healthcheck
kill -TERM $daemon
code=0; wait $daemon || code=$?
[ $code = 0 ] || { echo "SIGTERM: the daemon ended with $code"; cat /tmp/run.log; exit 1; }
kill -TERM $demo
wait $demo || :
echo "all well"
