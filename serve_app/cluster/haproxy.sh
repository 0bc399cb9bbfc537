#!/bin/sh
# Starts HAProxy with Ray Serve's configuration, mended in six places that no setting
# reaches (ray/serve/_private/haproxy_templates.py of Ray 2.60). Ray runs this because
# RAY_SERVE_HAPROXY_BINARY_PATH says so; HEADWATER_HAPROXY is the real program.
#
# 1, 2. Metrics and statistics have no guard: loopback instead of every address.
# 3. A request is held until it is whole, so that HAProxy can send it to another replica
#    when the one that had it dies (`retry-on empty-response`, see plan.py). Streams over
#    gRPC must not be held.
# 4. One that does not fit the buffer gets a 502 then, and not a closed connection, which
#    is what HAProxy does when the connection to the replica had been used before.
# 5. Errors that HAProxy or Ray Serve words itself become JSON (haproxy_answers.cfg), and
#    keep their status: Ray turns all of HAProxy's into a 500 in plain text. The pages that
#    do so are there until we have been here: nothing is put in twice.
# 6. Our application watches for clients that leave by itself (serve_app/bounded.py); the
#    header spares the three tasks in which Ray Serve would do so for each request.
set -eu
here=$(dirname "$0")

answer() {
    grep -q '^    errorfile 503 ' "$1" || return 0
    sed -i \
        -e '/^    errorfile 50[234] /d' \
        -e "/^frontend http_frontend/r $here/haproxy_answers.cfg" \
        -e '/^backend default_backend/,/http-request return/s/http-request return status 404 .*/http-request deny deny_status 404/' \
        "$1"
}

mend() {
    sed -i \
        -e '/^frontend prometheus/,/mode http/s/bind :/bind 127.0.0.1:/' \
        -e '/^listen stats/,$s/bind \*:/bind 127.0.0.1:/' \
        -e '/^backend http-headwater$/,/^    server \|^frontend /s/http-reuse always/&\n    http-request set-header x-request-disconnect-disabled ?1/' \
        -e '/^backend http-/,/^    server \|^frontend /s/http-reuse always/http-reuse never\n    option http-buffer-request/' \
        "$1"
}

previous=
for word; do
    if [ "$previous" = -f ]; then mend "$word"; answer "$word"; fi
    previous=$word
done
# Buffers of a megabyte come and go with every request: keep their pages.
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=268435456
export MALLOC_TOP_PAD_=67108864
exec "$HEADWATER_HAPROXY" "$@"
