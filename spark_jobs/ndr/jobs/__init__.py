"""The jobs: kernels on Arrow tables, the engines that run them, and the entry points that SageMaker starts."""

import os

# Before numba is imported, which reads it then. The names are written out: jobs without a kernel do not import numba.
# Its own locators follow in its own order, so that other code of the process is kept as before.
os.environ.setdefault(
    "NUMBA_CACHE_LOCATOR_CLASSES",
    "ndr.jobs.compiled.ByVersion,UserProvidedCacheLocator,InTreeCacheLocator,UserWideCacheLocator,"
    "IPythonCacheLocator,ZipCacheLocator",
)
