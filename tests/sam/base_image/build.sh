#!/usr/bin/env bash
# Builds a stand-in for public.ecr.aws/lambda/python:<version> from Debian and PyPI packages, under the same name, for a
# machine that reaches no container registry. It has what the real image's users rely on: the version of Python, the
# runtime interface client, boto3, pip, Lambda's folders, variables and entry point. It has Debian's C library, so it
# can't tell whether a wheel suits Amazon Linux.
#
# usage: build.sh 3.13    needs root, mmdebstrap and a running Docker engine
set -euo pipefail

version=${1:?name a Python version, such as 3.13}
case $version in
  3.11) release=bookworm ;;
  3.13) release=trixie ;;
  *) echo "No Debian release with Python $version is known here; 3.11 and 3.13 are." >&2 && exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

mmdebstrap --quiet --variant=essential --include=python3,python3-pip,ca-certificates,libstdc++6 \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Languages "none"' \
  "$release" "$context/debian.tar"

cp "$here"/Dockerfile "$here"/bootstrap "$here"/lambda-entrypoint.sh "$here"/requirements.txt "$context"
# PyPI may be reached through a proxy with a certificate of its own, which this machine trusts and Debian does not.
cp /etc/ssl/certs/ca-certificates.crt "$context"

docker build --quiet --tag "public.ecr.aws/lambda/python:$version" "$context"
# the name under which `sam local` looks for it
docker tag "public.ecr.aws/lambda/python:$version" "public.ecr.aws/lambda/python:$version-x86_64"
