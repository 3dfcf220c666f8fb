"""The jobs: kernels on Arrow tables, the engines that run them, and the entry points that SageMaker starts."""

import os

# Before numba is imported, which reads it then. The name is written out: jobs without a kernel do not import numba.
os.environ.setdefault(
    "NUMBA_CACHE_LOCATOR_CLASSES",
    "ndr.jobs.compiled.ByVersion,numba.core.caching.UserProvidedCacheLocator,"
    "numba.core.caching.InTreeCacheLocator,numba.core.caching.UserWideCacheLocator",
)
