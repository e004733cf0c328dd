#!/usr/bin/env bash
# s3-server.sh: a real S3-compatible server on a loopback port, for tests: Versity's gateway, which keeps objects as files.
#
# It comes by name from the Go module registry and is built here; nothing is installed system-wide. Needs Go 1.25 or newer
# (for `install` only).
#
#   s3-server.sh check                          says why the server cannot run here, exit 1, or nothing
#   s3-server.sh install                        builds it where it is missing
#   s3-server.sh run PORT DIR                   becomes the server: objects in DIR/data, their metadata in DIR/meta
#
# Environment:
#   VERSITYGW_VERSION  default v1.8.0
#   S3_LAB_CACHE       default ${XDG_CACHE_HOME:-$HOME/.cache}/s3-lab; holds the program, one folder a version
#   ROOT_ACCESS_KEY, ROOT_SECRET_KEY   the credentials that `run` takes
set -euo pipefail

version=${VERSITYGW_VERSION:-v1.8.0}
folder=${S3_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/s3-lab}/$version
program=$folder/versitygw

case ${1:-} in
  check)
    [ -x "$program" ] && exit
    echo "no S3 server is installed: $0 install (needs Go)" >&2
    exit 1
    ;;
  install)
    [ -x "$program" ] && exit
    command -v go >/dev/null || { echo 'Go is needed to build the S3 server' >&2; exit 1; }
    GOBIN=$folder go install "github.com/versity/versitygw/cmd/versitygw@$version"
    ;;
  run)
    mkdir -p "$3/data" "$3/meta"
    exec "$program" --port "127.0.0.1:$2" --keep-alive --quiet posix --sidecar "$3/meta" "$3/data"
    ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    ;;
esac
