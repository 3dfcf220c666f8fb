#!/usr/bin/env bash
# Builds a stand-in for the base image of spark_jobs/Dockerfile from Debian packages, under the same name, for a machine
# that reaches no container registry: Debian 12 without manual pages, its Python 3.11 and pip.
#
# usage: build.sh    needs root, mmdebstrap and a running Docker engine
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
image=$(sed -n 's/^ARG BASE_IMAGE=\([^@]*\).*/\1/p' "$here/../../../spark_jobs/Dockerfile")
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# /usr is merged by the hook, as usrmerge would bring Perl.
mmdebstrap --quiet --variant=apt --include=usr-is-merged,python3,python3-pip,ca-certificates \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Languages "none"' \
  bookworm "$context/debian.tar"

cp "$here/Dockerfile" "$context"
# Packages may be reached through a proxy with a certificate of its own, which this machine trusts and Debian does not.
# One certificate a file: so update-ca-certificates reads them, and Java has its own store made of the same.
mkdir "$context/certificates"
csplit --quiet --elide-empty-files --prefix="$context/certificates/trusted-" --suffix-format=%03d.crt \
  /etc/ssl/certs/ca-certificates.crt '/-----BEGIN CERTIFICATE-----/' '{*}'

docker build --quiet --tag "$image" "$context"
