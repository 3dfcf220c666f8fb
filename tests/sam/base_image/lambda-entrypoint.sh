#!/bin/sh
# `sam local` starts the interface emulator, and this below it, with the handler as the only argument.
_HANDLER=$1 exec /var/runtime/bootstrap
