#!/bin/sh
# Removes from a folder of installed packages what no job uses: tests, C and Cython sources, Arrow Flight, copies of a
# library under its other names, what PyIceberg has for its command line and for Hive, the models of AWS services that no
# job calls, and the symbol tables of libraries.
#
# usage: trim_packages.sh SITE_PACKAGES    needs strip, of the package binutils
set -eu
cd "$1"

services='cloudformation dynamodb glue redshift-data s3 sagemaker sso sso-oidc stepfunctions sts'

find numba numpy pyarrow -type d -name tests -prune -exec rm -rf {} +
find numpy pyarrow -name '*.p[yx][xdi]' -delete
rm -rf pyarrow/include pyarrow/*flight* pyarrow/libarrow_python.so pyarrow/libarrow_python.so.*.*.*
rm -rf hive_metastore markdown_it pygments rich zstandard/_cffi*
for model in botocore/data/*/; do
  case " $services " in *" $(basename "$model") "*) ;; *) rm -r "$model" ;; esac
done
# Only libraries that no tool has rewritten after they were linked: strip would break the others.
strip --strip-unneeded llvmlite/binding/libllvmlite.so obstore/*.so pyarrow/lib*.so* pyroaring*.so zstandard/*.so
