"""The datasets as Apache Iceberg tables, registered after their commits.

A table names the files that answer, as the manifests do. It follows the manifests: what it says is computed from them
for the time that was published, so that a registration may be repeated, and one that failed is caught up.
"""
